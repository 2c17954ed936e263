/** Runs one piece of work after the other, in the order they came; a failing one does not stop the next. */
export class Mailbox {
  private last: Promise<unknown> = Promise.resolve();

  /** Resolves or rejects as `work` does, once its turn has come. */
  run<Result>(work: () => Promise<Result> | Result): Promise<Result> {
    const result = this.last.then(work);
    this.last = result.catch(() => {});
    return result;
  }

  /** Resolves when all that was put in so far is done. */
  async idle(): Promise<void> {
    await this.last;
  }
}
