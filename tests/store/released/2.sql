-- The library: one SQLite file, WAL, STRICT tables. Schema version 2 (PRAGMA user_version).
--
-- Three kinds of tables. AUTHORED rows are what a person made or decided; they name contents by SHA-256 or
-- sources by name, are never deleted by a scan, and are committed with synchronous=FULL. DERIVED rows can be
-- computed again from the sources; they are committed with synchronous=NORMAL. KEPT rows are a convenience with
-- an expiry date: nobody made them and nothing can compute them again, so they are committed like authored ones,
-- but they may name assets by id, and a library without them has lost nothing.
--
-- Times ending in _ns are nanoseconds since 1970 UTC. Paths and names from disk are BLOBs: bytes, not text.
-- Ids that the kernel or a file outside may hold (asset, folder, embedding) are AUTOINCREMENT: never reused.

-- ------------------------------------------------------------------------------------------ authored

CREATE TABLE source (                      -- AUTHORED: a folder tree the person pointed at
    id         INTEGER PRIMARY KEY AUTOINCREMENT,  -- also the source order that breaks ties between files
    name       TEXT    NOT NULL UNIQUE,    -- legal name; its folder under by-folder/
    path       BLOB    NOT NULL UNIQUE,    -- absolute, as on disk, no trailing slash
    added_ns   INTEGER NOT NULL
) STRICT;

CREATE TABLE succession (                  -- AUTHORED: content changed in place; `new` inherits what `old` had
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    old        BLOB    NOT NULL,           -- SHA-256 of the content that went
    new        BLOB    NOT NULL,           -- SHA-256 of the content that stands there now
    source     TEXT    NOT NULL,           -- name of the source in which it happened
    path       BLOB    NOT NULL,           -- path below that source
    at_ns      INTEGER NOT NULL,
    undone_ns  INTEGER                     -- NULL while it holds
) STRICT;
CREATE INDEX succession_new ON succession(new);

-- ---------------------------------------------------------------------------------------------- kept

CREATE TABLE remembered (                  -- KEPT: a query that was listed; keeps its results and ranks for a while
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    key        TEXT    NOT NULL UNIQUE,    -- canonical text (query.canonical)
    text       TEXT    NOT NULL,           -- as it was typed first; the folder's name under search/
    first_ns   INTEGER NOT NULL,
    last_ns    INTEGER NOT NULL            -- last listing; forgotten `remember_days` after it
) STRICT;

CREATE TABLE remembered_hit (              -- KEPT: a result once shown keeps its name under that query
    query      INTEGER NOT NULL REFERENCES remembered(id) ON DELETE CASCADE,
    rank       INTEGER NOT NULL,           -- 1 is best; later finds come after the shown ones
    asset      INTEGER NOT NULL,           -- asset.id; follows when a provisional asset turns out to be a known one;
                                           -- may be gone, then it is not listed
    score      REAL    NOT NULL,           -- greater is better; scale of its ranker
    why        TEXT    NOT NULL,           -- JSON: {"text": {...}, "meaning": null}
    PRIMARY KEY (query, rank)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX remembered_hit_asset ON remembered_hit(asset, query);

-- ------------------------------------------------------------------------------------------- derived

CREATE TABLE meta (                        -- DERIVED: single values: 'created_ns', 'schema_note'
    key        TEXT    PRIMARY KEY,
    value      ANY
) STRICT, WITHOUT ROWID;

CREATE TABLE source_state (                -- DERIVED: what the indexer last saw of a source
    source      INTEGER PRIMARY KEY REFERENCES source(id) ON DELETE CASCADE,
    state       TEXT    NOT NULL CHECK (state IN ('new', 'online', 'offline', 'stalled')),
    why         TEXT    NOT NULL DEFAULT '',     -- one sentence for status, empty when online
    volume      TEXT,                      -- identity of the volume it lies on; NULL until first seen online
    grain_ns    INTEGER NOT NULL DEFAULT 1,      -- mtimes closer than this are equal (FAT: 2 s)
    inodes      INTEGER NOT NULL DEFAULT 0,      -- 1 when inode numbers are stable on its filesystem
    watch       TEXT    NOT NULL DEFAULT '',     -- 'inotify', 'polling' or '' (not watched now)
    watch_why   TEXT    NOT NULL DEFAULT '',     -- polling: why, with the cure if there is one
    files       INTEGER NOT NULL DEFAULT 0,      -- file rows, held ones included (store.tally)
    scan_wanted INTEGER NOT NULL DEFAULT 1,      -- raised to ask for a scan; scan_wanted > scan_done: one is due
    scan_done   INTEGER NOT NULL DEFAULT 0,
    scanned_ns  INTEGER                    -- end of the last whole scan
) STRICT;

CREATE TABLE folder (                      -- DERIVED: one directory of a source
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    source     INTEGER NOT NULL REFERENCES source(id) ON DELETE CASCADE,
    parent     INTEGER REFERENCES folder(id) ON DELETE CASCADE,  -- NULL for the root of a source
    name       BLOB    NOT NULL,           -- on disk; empty for the root
    shown      TEXT    NOT NULL,           -- legal, unique among its siblings: the name under by-folder/
    path       BLOB    NOT NULL            -- below the source, no leading slash; denormalised from parent and name
) STRICT;
CREATE UNIQUE INDEX folder_path ON folder(source, path);
CREATE UNIQUE INDEX folder_shown ON folder(parent, shown);

CREATE TABLE asset (                       -- DERIVED: one content. Identified by sha256; provisional while that is NULL
    id         INTEGER PRIMARY KEY AUTOINCREMENT,  -- the inode follows from it (core.ids)
    sha256     BLOB    UNIQUE,             -- NULL: provisional, exactly one file holds it
    size       INTEGER NOT NULL,           -- bytes
    name       TEXT    NOT NULL,           -- the ONE shown name; kept when the file goes
    name_key   TEXT    NOT NULL UNIQUE,    -- names.name_key(name)
    live       INTEGER NOT NULL,           -- 1: some file row holds it; only live assets are shown
    copies     INTEGER NOT NULL DEFAULT 1, -- file rows with different (volume, inode); hard links count once
    arrived_ns INTEGER NOT NULL,           -- first seen
    kind       TEXT    NOT NULL CHECK (kind IN ('photo', 'video', 'document', 'other')),
    -- The best of its files, by core.capture.best; a pure function of `reading` and the file rows:
    local      TEXT    NOT NULL,           -- wall clock at the place of capture, YYYY-MM-DDTHH:MM:SS
    "offset"   TEXT,                       -- '+02:00'; NULL: unknown, never shifted
    origin     TEXT    NOT NULL,           -- core.facts.Origin; name, folder, mtime are provisional dates
    mtime_ns   INTEGER NOT NULL,           -- st_mtime in the mount: the moment of `local`, whole seconds
    year       TEXT    NOT NULL,           -- facets of `local`; folder names, so text
    month      TEXT    NOT NULL,           -- '2024-04'
    week       TEXT    NOT NULL,           -- '2024-W15', ISO 8601
    day        TEXT    NOT NULL,           -- '2024-04-13'
    -- From inside the bytes; NULL: not known. Texts that become folder names are stored legal (names.sanitise):
    mime       TEXT,
    width      INTEGER,                    -- pixels, upright
    height     INTEGER,
    duration_s REAL,
    rating     INTEGER,                    -- 0 to 5, -1 rejected
    camera     TEXT,                       -- make and model as one name
    lens       TEXT,
    aperture   REAL,
    shutter_s  REAL,
    iso        INTEGER,
    focal_mm   REAL,
    lat        REAL,
    lon        REAL,
    place      INTEGER REFERENCES place(id),
    country    TEXT,                       -- copied from place, so that a level of folders is one indexed statement
    region     TEXT,
    city       TEXT,
    hood       TEXT,
    title      TEXT,
    problem    TEXT                        -- slug of the first problem: its folder under problems/; NULL: none
) STRICT;
CREATE INDEX asset_year ON asset(year) WHERE live;
CREATE INDEX asset_month ON asset(month) WHERE live;
CREATE INDEX asset_week ON asset(week) WHERE live;
CREATE INDEX asset_day ON asset(day) WHERE live;
CREATE INDEX asset_place ON asset(country, region, city, hood) WHERE live AND country IS NOT NULL;
CREATE INDEX asset_camera ON asset(camera, year) WHERE live AND camera IS NOT NULL;
CREATE INDEX asset_position ON asset(lat, lon) WHERE live AND lat IS NOT NULL;
CREATE INDEX asset_rating ON asset(rating) WHERE live AND rating IS NOT NULL;
CREATE INDEX asset_problem ON asset(problem) WHERE live AND problem IS NOT NULL;
CREATE INDEX asset_copies ON asset(copies) WHERE live AND copies > 1;

CREATE TABLE asset_facet (                 -- DERIVED: attributes of which an asset has several
    facet      TEXT    NOT NULL,           -- 'type', 'tag' (a person's and a model's), 'person', 'album', 'cluster'
    value      TEXT    NOT NULL,           -- legal: it becomes a folder name
    asset      INTEGER NOT NULL REFERENCES asset(id) ON DELETE CASCADE,
    PRIMARY KEY (facet, value, asset)
) STRICT, WITHOUT ROWID;
CREATE INDEX asset_facet_asset ON asset_facet(asset, facet);

CREATE TABLE file (                        -- DERIVED: one path in a source
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    folder     INTEGER NOT NULL REFERENCES folder(id) ON DELETE CASCADE,
    name       BLOB    NOT NULL,           -- on disk
    shown      TEXT,                       -- NULL: the name itself is legal; else what by-folder/ shows instead
    asset      INTEGER NOT NULL REFERENCES asset(id),
    size       INTEGER NOT NULL,           -- size, mtime_ns: as the disk said when `asset` was found there
    mtime_ns   INTEGER NOT NULL,
    inode      INTEGER NOT NULL,           -- 0 where inode numbers are not stable
    missing_ns INTEGER,                    -- NULL: present; else since when it is held as missing, waiting for the person
    previous   INTEGER                     -- asset that stood here before the content changed, until the new hash is known
) STRICT;
CREATE UNIQUE INDEX file_name ON file(folder, name);
CREATE UNIQUE INDEX file_shown ON file(folder, shown) WHERE shown IS NOT NULL;
CREATE INDEX file_asset ON file(asset);
CREATE INDEX file_inode ON file(inode) WHERE inode <> 0;  -- a file that arrives with a known inode has moved
CREATE INDEX file_missing ON file(missing_ns) WHERE missing_ns IS NOT NULL;

CREATE TABLE reading (                     -- DERIVED: what the readers found inside the bytes
    asset      INTEGER PRIMARY KEY REFERENCES asset(id) ON DELETE CASCADE,
    facts      TEXT    NOT NULL            -- core.facts.Facts as JSON (store.readings)
) STRICT;

CREATE TABLE sidecar (                     -- DERIVED: what a sidecar beside a file says about that file
    file       INTEGER PRIMARY KEY REFERENCES file(id) ON DELETE CASCADE,
    facts      TEXT    NOT NULL            -- core.facts.Facts as JSON
) STRICT;

CREATE TABLE place (                       -- DERIVED: a place that some asset was taken in
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    country    TEXT    NOT NULL,
    region     TEXT    NOT NULL,           -- '' where the gazetteer has none
    city       TEXT    NOT NULL,
    hood       TEXT    NOT NULL,           -- ''
    lat        REAL    NOT NULL,           -- of the city
    lon        REAL    NOT NULL,
    UNIQUE (country, region, city, hood)
) STRICT;

CREATE TABLE preview (                     -- DERIVED: the WebP renditions of an asset, files in previews/
    asset      INTEGER PRIMARY KEY REFERENCES asset(id) ON DELETE CASCADE,
    size       INTEGER NOT NULL,           -- bytes of the preview (long side 1600)
    thumb_size INTEGER NOT NULL,           -- bytes of the thumbnail (long side 320)
    width      INTEGER NOT NULL,           -- of the preview
    height     INTEGER NOT NULL,
    dhash      BLOB                        -- 64-bit perceptual hash, 8 bytes
) STRICT;

CREATE TABLE content_text (                -- DERIVED: the text of a document
    asset      INTEGER PRIMARY KEY REFERENCES asset(id) ON DELETE CASCADE,
    text       TEXT    NOT NULL
) STRICT;

CREATE TABLE document (                    -- DERIVED: the words under which an asset is found (core.words), by scope
    asset      INTEGER PRIMARY KEY REFERENCES asset(id) ON DELETE CASCADE,
    title      TEXT    NOT NULL,           -- names, title, description, caption, tags: what a person or program wrote
    path       TEXT    NOT NULL,           -- folders and file names
    context    TEXT    NOT NULL,           -- place, camera, date
    body       TEXT    NOT NULL,           -- text of the content and of sidecars
    length     INTEGER NOT NULL,           -- number of words in all five
    suggested  TEXT    NOT NULL DEFAULT '' -- a model's tags and caption, as far as they are shown: nobody's own words
) STRICT;
CREATE VIRTUAL TABLE fts USING fts5(title, path, context, body, suggested, content='', contentless_delete=1,
    tokenize='unicode61 remove_diacritics 2');
CREATE VIRTUAL TABLE fts_words USING fts5vocab(fts, 'row');

CREATE TABLE suggestion (                  -- DERIVED: what models say of an asset; what a person said goes before it (assets.refresh)
    asset      INTEGER PRIMARY KEY REFERENCES asset(id) ON DELETE CASCADE,
    tags       TEXT    NOT NULL DEFAULT '[]',    -- JSON [[tag, score], …], best first; tags are legal folder names
    tags_by    TEXT    NOT NULL DEFAULT '',      -- the model that said so, as a person reads it; '': nobody looked yet
    caption    TEXT,                       -- NULL: none
    caption_by TEXT    NOT NULL DEFAULT ''       -- as tags_by
) STRICT;

CREATE TABLE model (                       -- DERIVED: a model of which there are vectors (store.embeddings)
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    key        TEXT    NOT NULL UNIQUE,    -- name@hash of its configuration and weights: vectors of one key are comparable
    name       TEXT    NOT NULL,           -- as a person reads it
    dimensions INTEGER NOT NULL,           -- numbers in each of its vectors
    vectors    INTEGER NOT NULL DEFAULT 0, -- how many there are, and of how many assets; kept by the triggers below,
    assets     INTEGER NOT NULL DEFAULT 0  -- so that nobody counts a million rows to learn whether something changed
) STRICT;

CREATE TABLE embedding (                   -- DERIVED: a vector; stays when the files of its asset go
    id         INTEGER PRIMARY KEY AUTOINCREMENT,  -- its label in the vector index outside, so never given again
    model      INTEGER NOT NULL REFERENCES model(id),
    asset      INTEGER NOT NULL REFERENCES asset(id) ON DELETE CASCADE,
    part       INTEGER NOT NULL,           -- 0, 1, …: a video has one for each frame, a document for each piece of text
    tower      TEXT    NOT NULL CHECK (tower IN ('image', 'text')),  -- of what: a picture, or words
    vector     BLOB    NOT NULL            -- `dimensions` numbers, float16 little-endian, length 1
) STRICT;
CREATE UNIQUE INDEX embedding_part ON embedding(asset, model, part);
CREATE INDEX embedding_model ON embedding(model, id, asset);  -- read in order of id, or without the vectors
CREATE TRIGGER model_vector_came AFTER INSERT ON embedding BEGIN
    UPDATE model SET vectors=vectors + 1, assets=assets + (new.part = 0) WHERE id=new.model;
END;
CREATE TRIGGER model_vector_gone AFTER DELETE ON embedding BEGIN
    UPDATE model SET vectors=vectors - 1, assets=assets - (old.part = 0) WHERE id=old.model;
END;

CREATE TABLE clustering (                  -- DERIVED: the last time that alike pictures were put together; one row or none
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    model      INTEGER REFERENCES model(id) ON DELETE SET NULL,  -- by whose vectors; NULL: they are gone
    at_ns      INTEGER NOT NULL,
    state      BLOB    NOT NULL            -- what the next time needs so that little changes; only who writes it can read it
) STRICT;

CREATE TABLE cluster (                     -- DERIVED: a group of alike pictures
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    label      TEXT    NOT NULL UNIQUE,    -- legal: its folder under clusters/, and the value of the facet 'cluster'
    model      INTEGER REFERENCES model(id) ON DELETE SET NULL,  -- in whose space `centroid` lies; NULL: it is gone
    centroid   BLOB    NOT NULL            -- float32 little-endian; the next time finds the group again by it
) STRICT;

CREATE TABLE spot (                        -- DERIVED: where an asset lies among all others, for a map of likeness
    asset      INTEGER PRIMARY KEY REFERENCES asset(id) ON DELETE CASCADE,
    cluster    INTEGER REFERENCES cluster(id) ON DELETE SET NULL,  -- NULL: in none; else it has that facet
    x          REAL    NOT NULL,           -- without unit; near each other is alike
    y          REAL    NOT NULL
) STRICT;
CREATE INDEX spot_cluster ON spot(cluster);

CREATE TABLE job (                         -- DERIVED: this stage, for this asset, in this state
    id         INTEGER PRIMARY KEY,
    asset      INTEGER NOT NULL REFERENCES asset(id) ON DELETE CASCADE,
    stage      TEXT    NOT NULL,
    version    INTEGER NOT NULL,           -- of the stage that did or shall do it
    state      TEXT    NOT NULL CHECK (state IN ('open', 'leased', 'done', 'failed', 'parked')),
    priority   INTEGER NOT NULL DEFAULT 0, -- greater first: capture day number, plus a bonus for what is looked at
    attempts   INTEGER NOT NULL DEFAULT 0,
    lease_ns   INTEGER,                    -- leased: until when; an expired lease is open again
    error      TEXT                        -- failed, parked: why
) STRICT;
-- One thing to do per asset and stage, however often it is asked for; and one record of it done.
CREATE UNIQUE INDEX job_todo ON job(asset, stage) WHERE state <> 'done';
CREATE UNIQUE INDEX job_done ON job(asset, stage) WHERE state = 'done';
CREATE INDEX job_queue ON job(stage, state, priority, id);
CREATE INDEX job_asset ON job(asset);      -- what hangs on an asset: partial indexes serve neither this nor ON DELETE CASCADE

CREATE TABLE changes (                     -- DERIVED: what changed, written in the transaction of the change
    gen        INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ns      INTEGER NOT NULL,
    what       TEXT    NOT NULL CHECK (what IN ('arrived', 'changed', 'told', 'preview', 'folder', 'source')),
    first      INTEGER NOT NULL,           -- arrived: first asset id of a run; changed, told, preview: the asset; folder, source: its id
    last       INTEGER NOT NULL,           -- arrived: last asset id of the run; otherwise equal to first
    old        TEXT,                       -- changed: JSON of the facets before (store.changes.FACETS); NULL: was not shown
    new        TEXT                        -- and after; NULL: is not shown any more
) STRICT;

CREATE TABLE process (                     -- DERIVED: a process that runs, in its own words (store.processes)
    name       TEXT    PRIMARY KEY,        -- 'indexer', 'brain'; at a clean stop the row goes
    pid        INTEGER NOT NULL,
    born       INTEGER NOT NULL,           -- start of that process in ticks since boot: another one may get its pid
    at_ns      INTEGER NOT NULL,           -- when it said so
    until_ns   INTEGER NOT NULL,           -- not heard of by then: away
    state      TEXT    NOT NULL,           -- brain: 'ready'; indexer: 'scan', 'jobs', 'rest' (a change settles), 'idle'
    eta_s      REAL,                       -- seconds until nothing is open; NULL: it cannot know
    detail     TEXT    NOT NULL            -- JSON: brain: model, device, why, stages
) STRICT, WITHOUT ROWID;

CREATE TABLE tally (                       -- DERIVED: how many there are (store.tally); adding is done there, the rest below
    what       TEXT    NOT NULL CHECK (what IN ('asset', 'job')),
    stage      TEXT    NOT NULL,           -- job: its stage; asset: ''
    state      TEXT    NOT NULL,           -- asset: 'live', 'provisional'; job: 'open' (or leased), 'done', 'failed', 'parked'
    number     INTEGER NOT NULL,
    PRIMARY KEY (what, stage, state)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER tally_asset_live AFTER UPDATE OF live ON asset WHEN old.live <> new.live BEGIN
    UPDATE tally SET number=number + new.live - old.live WHERE what='asset' AND stage='' AND state='live';
END;
CREATE TRIGGER tally_asset_known AFTER UPDATE OF sha256 ON asset
WHEN (old.sha256 IS NULL) <> (new.sha256 IS NULL) BEGIN
    UPDATE tally SET number=number + (new.sha256 IS NULL) - (old.sha256 IS NULL)
    WHERE what='asset' AND stage='' AND state='provisional';
END;
CREATE TRIGGER tally_asset_gone AFTER DELETE ON asset BEGIN
    UPDATE tally SET number=number - old.live WHERE what='asset' AND stage='' AND state='live';
    UPDATE tally SET number=number - (old.sha256 IS NULL) WHERE what='asset' AND stage='' AND state='provisional';
END;
CREATE TRIGGER tally_file_moved AFTER UPDATE OF folder ON file WHEN old.folder <> new.folder BEGIN
    UPDATE source_state SET files=files - 1 WHERE source=(SELECT source FROM folder WHERE id=old.folder);
    UPDATE source_state SET files=files + 1 WHERE source=(SELECT source FROM folder WHERE id=new.folder);
END;
CREATE TRIGGER tally_file_gone AFTER DELETE ON file BEGIN
    UPDATE source_state SET files=files - 1 WHERE source=(SELECT source FROM folder WHERE id=old.folder);
END;
CREATE TRIGGER tally_job_state AFTER UPDATE OF state ON job
WHEN replace(old.state, 'leased', 'open') <> replace(new.state, 'leased', 'open') BEGIN
    UPDATE tally SET number=number - 1
    WHERE what='job' AND stage=old.stage AND state=replace(old.state, 'leased', 'open');
    INSERT INTO tally VALUES ('job', new.stage, replace(new.state, 'leased', 'open'), 1)
    ON CONFLICT DO UPDATE SET number=number + 1;
END;
CREATE TRIGGER tally_job_gone AFTER DELETE ON job BEGIN
    UPDATE tally SET number=number - 1
    WHERE what='job' AND stage=old.stage AND state=replace(old.state, 'leased', 'open');
END;
