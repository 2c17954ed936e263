import type { JobMessage } from '../contracts/job.ts';

const maxChars = 1024 * 1024;

/** What has come of a job so far, for a client that asks again after its connection broke. */
export class MessageBuffer {
  private messages: JobMessage[] = [];
  private chars = 0;
  private hasOverflowed = false;

  /** Whether a replay would be complete. */
  get isWhole(): boolean {
    return !this.hasOverflowed;
  }

  add(message: JobMessage): void {
    if (message.type === 'requeued' || message.type === 'started') this.clear();
    if (message.type !== 'chunk' || this.hasOverflowed) return;
    this.messages.push(message);
    for (const payload of message.data) this.chars += payload.length;
    if (this.chars <= maxChars) return;
    this.messages = [];
    this.hasOverflowed = true;
  }

  replay(listener: (message: JobMessage) => void): void {
    for (const message of this.messages) listener(message);
  }

  private clear(): void {
    this.messages = [];
    this.chars = 0;
    this.hasOverflowed = false;
  }
}
