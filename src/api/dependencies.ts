import type { Emit } from '../contracts/events.ts';
import type { Registry } from '../contracts/registry.ts';
import type { Clock } from '../platform/clock.ts';
import type { SignedLinks } from '../platform/signed-links.ts';
import type { ApiKey } from './api-keys.ts';
import type { BoardView } from './board-view.ts';
import type { LargeBodies } from './large-bodies.ts';
import type { LiveJobs } from './live-jobs.ts';
import type { ArtifactSource, JobInbox, JobStore, LogSource, UploadDesk, WorkerBoard } from './ports.ts';

export interface ApiSettings {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Base URL for links; null: the host that a request names. */
  readonly publicUrl: string | null;
  /** Longest wait of a request without `stream`. */
  readonly syncMaxWaitMs: number;
  /** How long a job outlives its waiting client. */
  readonly disconnectGraceMs: number;
  /** Of one file. */
  readonly uploadMaxBytes: number;
}

/** What the API is made from. */
export interface ApiDependencies {
  readonly settings: ApiSettings;
  /** The models file as it is now. */
  readonly registry: () => Registry;
  readonly jobs: JobStore;
  readonly inbox: JobInbox;
  readonly board: WorkerBoard;
  readonly artifacts: ArtifactSource;
  readonly uploads: UploadDesk;
  readonly links: SignedLinks;
  readonly logs: LogSource;
  readonly keys: readonly ApiKey[];
  readonly clock: Clock;
  readonly emit: Emit;
}

/** The same with what the API remembers between requests. */
export interface Api extends ApiDependencies {
  readonly startedAtMs: number;
  readonly boardView: BoardView;
  readonly liveJobs: LiveJobs;
  readonly largeBodies: LargeBodies;
}
