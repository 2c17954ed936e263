import type { DownloadEvent, EventOf } from './download-events.ts';
import { fit, type Line, paintLine, span } from './layout.ts';
import type { PinEvent } from './pinning.ts';
import type { Terminal } from './terminal.ts';
import { TransferRate } from './transfer-rate.ts';
import {
  doneLine,
  notPinnedLine,
  pinLine,
  planLine,
  progressLine,
  repositoryLines,
} from './views/pull-view.ts';

/** Where nobody watches, a line so often. */
const lineEveryMs = 15_000;

/** Shows a download: a bar that moves on a terminal, a line now and then elsewhere. */
export class PullDisplay {
  private readonly terminal: Terminal;
  private readonly nowMs: () => number;
  private readonly lockName: string;
  private rate = new TransferRate();
  private beganAtMs: number;
  private shownAtMs: number | null = null;

  constructor(terminal: Terminal, nowMs: () => number, lockName: string) {
    this.terminal = terminal;
    this.nowMs = nowMs;
    this.lockName = lockName;
    this.beganAtMs = nowMs();
  }

  show(event: DownloadEvent | PinEvent): void {
    if (event.event === 'repository')
      for (const line of repositoryLines(event, this.lockName)) this.print(line);
    if (event.event === 'pin') this.pin(event);
    if (event.event === 'plan') this.plan(event);
    if (event.event === 'progress') this.progress(event);
    if (event.event === 'note') this.print([span(`  note: ${event.message}`, 'busy')]);
    if (event.event === 'done') this.done(event);
    if (event.event === 'error' || event.event === 'interrupted') this.clear();
  }

  private pin(event: PinEvent): void {
    if (event.problem === null) this.print(pinLine(event, this.lockName));
    else this.terminal.out(`${paintLine(notPinnedLine(event), this.terminal.paint)}\n`); // whole, to be copied
  }

  private plan(event: EventOf<'plan'>): void {
    this.print(planLine(event));
    this.beganAtMs = this.nowMs();
  }

  private progress(event: EventOf<'progress'>): void {
    const now = this.nowMs();
    this.rate.add(now, event.have_bytes);
    const line = progressLine(event, this.rate.bytesPerSecond);
    if (this.terminal.isTty) {
      this.clear();
      this.terminal.out(this.painted(line));
    } else if (now - (this.shownAtMs ?? this.beganAtMs) >= lineEveryMs) this.print(line);
    else return;
    this.shownAtMs = now;
  }

  private done(event: EventOf<'done'>): void {
    this.print(doneLine(event, this.nowMs() - this.beganAtMs));
    this.beganAtMs = this.nowMs();
    this.shownAtMs = null;
    this.rate = new TransferRate();
  }

  private print(line: Line): void {
    this.clear();
    this.terminal.out(`${this.painted(line)}\n`);
  }

  private clear(): void {
    if (this.terminal.isTty) this.terminal.out('\r\u001b[K');
  }

  private painted(line: Line): string {
    const { isTty, columns, paint } = this.terminal;
    return paintLine(isTty ? fit(line, columns - 1) : line, paint);
  }
}
