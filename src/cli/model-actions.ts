/** What an operator may ask of a model, with the words of the help. */
export const modelActions = [
  ['load', 'make a model resident now'],
  ['unload', 'end the server of a model once its running jobs are done'],
  ['pause', 'start no further jobs of a model; they wait'],
  ['resume', 'start the jobs of a paused model again'],
] as const;

export type ModelAction = (typeof modelActions)[number][0];
