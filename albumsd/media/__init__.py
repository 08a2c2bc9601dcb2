"""Everything that opens a file of the world and says what is in it: facts, pictures, text, hashes.

``pool`` is the parent's side and imports no decoder; ``worker`` is the child in which all decoding happens;
``sniff`` says what a file is; ``readers`` holds one module per family of formats; ``facts`` is the door for a
single file.
"""
