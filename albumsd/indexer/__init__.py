"""The indexer: sees what lies in the sources (phase one) and does the jobs that follow (phase two).

``roots`` says whether a source is there, ``scan`` what is different in it, ``watch`` where to look again,
``attendance`` who is looked at when, ``runner`` does the jobs that ``stages`` declare, ``process`` holds all together.
It only ever reads from a source.
"""
