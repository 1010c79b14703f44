import fc from 'fast-check';

/** The same inputs in every run. `FUZZ_SEED` tries others: any integer. */
fc.configureGlobal({ seed: Number(process.env.FUZZ_SEED ?? 1) });
