PRAGMA journal_mode = WAL;
CREATE TABLE projection_checkpoints (
    projection TEXT NOT NULL,
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    schema INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    token TEXT NOT NULL,
    owner TEXT NOT NULL,
    log_id TEXT NOT NULL,
    log_partitions INTEGER,
    "offset" TEXT,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (projection, topic, partition)
) WITHOUT ROWID;
INSERT INTO projection_checkpoints VALUES
    ('customers', 'orders', 3, 1, 7, '0b9a1f9bb1d64ea4a3a4c0a9d5f1c001', 'worker-1', 'c/orders', 12, '41', 1795447598000),
    ('customers', 'orders', 4, 1, 1, '0b9a1f9bb1d64ea4a3a4c0a9d5f1c002', 'worker-2', 'c/orders', 12, NULL, 1795447598000),
    ('gone', 'orders', 3, 1, 5, '', '', '', NULL, NULL, 1795447598000),
    ('rooms@2', 'visits', 0, 1, 2, '', '', '', 4, '1526919030474-55', 1795447598000);
