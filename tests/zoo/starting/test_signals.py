"""Ctrl-C and SIGTERM during long work are raised where nothing is lost, and never forgotten."""

import signal
import subprocess
import sys
import threading

import pytest

from zoo.starting import interrupts, signals
from zoo.starting.signals import STOPPING, CollectedSignals


@pytest.fixture
def in_a_command(monkeypatch):
    monkeypatch.setattr(interrupts, "command_runs", True)


def work(*numbers, say=None, at_once=False, then=lambda: None):
    """Work that receives signals, and gives the text that shows how far it came."""
    with CollectedSignals(say) as collected:
        collected.at_once = at_once
        for count, number in enumerate(numbers, 1):
            signal.raise_signal(number)
            assert collected.received == [*numbers][:count]
        then()


@pytest.mark.parametrize(
    ("number", "error"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)]
)
def test_a_signal_that_the_block_does_not_look_at_is_raised_at_its_end(number, error):
    before = signal.getsignal(number)
    done = []
    with pytest.raises(error) as raised:
        work(number, then=lambda: done.append("the rest of the block"))
    assert done
    assert getattr(raised.value, "code", 143) == 143
    assert signal.getsignal(number) is before


def test_a_signal_during_an_error_is_raised_with_the_error_as_its_context():
    with pytest.raises(KeyboardInterrupt) as raised:
        work(signal.SIGINT, then=lambda: {}["missing"])
    assert isinstance(raised.value.__context__, KeyError)


def test_a_second_signal_does_what_it_would_have_done():
    with pytest.raises(KeyboardInterrupt):
        work(signal.SIGINT, signal.SIGINT, then=lambda: pytest.fail("not reached"))


SECOND = """
import signal
from zoo.starting import interrupts
from zoo.starting.signals import CollectedSignals
interrupts.command_runs = True
signal.signal(signal.SIGINT, signal.default_int_handler)
with CollectedSignals():
    signal.raise_signal(signal.SIGINT)
    print("goes on", flush=True)
    try:
        signal.raise_signal(signal.SIGINT)
    finally:
        print("not reached")
"""


def test_a_second_ctrl_c_ends_a_command_without_waiting_for_python():
    ended = subprocess.run([sys.executable, "-c", SECOND], capture_output=True, check=False)
    assert (ended.returncode, ended.stdout) == (-signal.SIGINT, b"goes on\n")


@pytest.mark.usefixtures("in_a_command")
def test_a_command_does_not_wait_where_nothing_is_lost():
    with pytest.raises(SystemExit):
        work(signal.SIGTERM, at_once=True, then=lambda: pytest.fail("not reached"))


def test_other_programs_wait_even_where_nothing_is_lost():
    done = []
    with pytest.raises(SystemExit):
        work(signal.SIGTERM, at_once=True, then=lambda: done.append("all"))
    assert done


def test_work_that_goes_on_after_a_signal_says_so(monkeypatch):
    monkeypatch.setattr(signals, "SECONDS_IN_SILENCE", 0)
    told = threading.Event()
    texts = []

    def say(text):
        texts.append(text)
        told.set()

    with pytest.raises(KeyboardInterrupt):
        work(signal.SIGINT, say=say, then=told.wait)
    assert texts == [STOPPING]


def test_nothing_is_collected_in_another_thread():
    before = signal.getsignal(signal.SIGINT)
    handlers = []

    def work():
        with CollectedSignals():
            handlers.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert handlers == [before]
