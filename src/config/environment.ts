export type Env = Readonly<Record<string, string | undefined>>;

/** The environment of this process: the only place that reads it. */
export const environment = (): Env => process.env;
