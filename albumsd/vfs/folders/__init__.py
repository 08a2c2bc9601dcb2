"""A module per kind of folder: ``fixed`` (names known beforehand), ``grouped`` (a view by attributes), ``disk``
(as it lies on disk), ``copies`` (duplicates), ``queries`` (search/ and filter/), ``texts`` (status/, sources/)."""
