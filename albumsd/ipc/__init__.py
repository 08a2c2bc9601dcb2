"""How the processes of one library tell each other things, over AF_UNIX sockets in its ``run/`` folder.

``pings``: datagrams without an answer ("something changed"; the news are rows). A lost one costs time, never truth.
``calls``: one JSON line asked, one JSON line answered, with a deadline. ``locks``: one process of a kind per library.
"""
