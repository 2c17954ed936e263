import { Mailbox } from '../platform/mailbox.ts';

const largeBytes = 256 * 1024;

/**
 * Large bodies are parsed and handed to the queue one after another: side by side each would wait for the parsing of
 * all others, and the queue would seem not to answer.
 */
export class LargeBodies {
  private readonly line = new Mailbox();

  /** Runs `accept` for a body of so many bytes, at once when it is small. */
  inTurn<Value>(bytes: number, accept: () => Promise<Value>): Promise<Value> {
    return bytes < largeBytes ? accept() : this.line.run(accept);
  }
}
