"""The page of a study as Markdown: what a repository tells of it, its figures and readings beside.

`misread report FOLDER --markdown PAGE` writes it. A page keeps its words: what stands between two
marks is written anew, and nothing else.
"""
