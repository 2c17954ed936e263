import type { Problem } from '../../config/problem.ts';
import type { Paint } from '../terminal.ts';

/** `file:line: error: what`, and below it what to write instead. */
export function renderProblem(problem: Problem, kind: 'error' | 'warning', paint: Paint): string {
  const place = `${problem.where}${problem.line === null ? '' : `:${problem.line}`}:`;
  const label = paint(kind === 'error' ? 'bad' : 'busy', `${kind}:`);
  return `${paint('strong', place)} ${label} ${problem.what}\n    ${problem.fix}\n`;
}
