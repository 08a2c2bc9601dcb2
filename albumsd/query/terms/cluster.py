"""``cluster=``: the words of a folder under clusters/."""

from __future__ import annotations

from albumsd.query.term import Term, match_parser

TERM = Term(
    "cluster",
    "In a group of alike pictures, by any words of the group's label.",
    "cluster=beach",
    match_parser("cluster"),
    aliases=("clusters",),
)
