-- How many tokens a provider counts where a tokenizer of ours, or the bytes, say so many: by model and side.
CREATE TABLE calibrations (
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    side TEXT NOT NULL,
    method TEXT NOT NULL,
    state TEXT NOT NULL,
    at_us BIGINT NOT NULL,
    PRIMARY KEY (provider, model, side, method)
);
