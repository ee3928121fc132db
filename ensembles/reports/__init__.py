"""Reports: what the measures say, as JSON, Markdown, tables of the terminal and pictures.

`report` judges one committee, `leaderboard` ranks members, committees and rules, `analysis` shows
how members differ. The committee and the command line come in here.
"""
