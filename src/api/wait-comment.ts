import type { ModelId } from '../contracts/ids.ts';
import { type BoardState, loadingView } from './board-view.ts';

/** What a stream without tokens yet tells its client: `queued position=3`, `loading smollm2 42%`, `running`. */
export function waitComment(model: ModelId, position: number | null, board: BoardState | null): string {
  if (position === null) return 'running';
  const loading = board && loadingView(board, model);
  if (!loading) return `queued position=${position}`;
  const percent = loading.loadProgress === null ? '' : ` ${Math.round(loading.loadProgress * 100)}%`;
  return `loading ${model}${percent} position=${position}`;
}
