"""The ``mount`` process: pyfuse3 and trio over ``vfs``. It turns inodes into nodes, errors into errnos, and waits for
nobody.

Who runs where:

* The loop thread (trio) runs every handler. It may ask SQLite for a point lookup and read bytes that are in the page
  cache; it never touches a disk, another process or its own mount.
* ``lanes``: daemon threads, few per volume, for whatever may wait; every wait for them has a deadline.
* ``notify``: one thread that reads the ``changes`` rows and tells the kernel. ``announcer``: one thread that makes
  system calls on the mount itself so that watchers see events. No handler ever waits for these two.

Nothing here knows what is in the tree: that is ``vfs``. Nothing here writes.
"""
