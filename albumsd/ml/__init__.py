"""Models: what a folder of weights is, and the one child process in which torch runs.

``folders`` says what a model is without loading it; ``host`` is the parent's side (numpy only, no torch); ``worker`` is
the child. Models are open_clip's (CLIP for vectors, CoCa for captions), always from local files: nothing here fetches
anything. What the vectors are used for is not here.
"""
