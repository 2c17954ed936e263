import {
  type Document,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  visit,
  type YAMLMap,
} from 'yaml';

/** A YAML text as plain values, which can still say on which line each of them stands. */
export interface YamlSource {
  /** undefined when it is no YAML. Of a key that stands twice in a map, the first counts. */
  readonly value: unknown;
  readonly faults: readonly YamlFault[];
  readonly duplicates: readonly DuplicateKey[];
  /** The line of the value at a path, of its key where it has one, else of the nearest one around it. */
  lineOf(path: readonly PropertyKey[]): number;
}

/** Why it is no YAML. */
export interface YamlFault {
  readonly line: number;
  readonly message: string;
}

export interface DuplicateKey {
  readonly key: string;
  readonly line: number;
  readonly firstLine: number;
}

/** Reads YAML and remembers which line each value stands in; never throws. */
export function parseYaml(text: string): YamlSource {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    merge: true,
    uniqueKeys: false,
  });
  const lineAt = (offset: number) => lines.linePos(offset).line;
  const duplicates = takeDuplicates(document, lineAt);
  const faults = document.errors.map(({ message, pos }) => ({ line: lineAt(pos[0]), message }));
  const { value, fault } = plainValue(document);
  if (fault) faults.push(fault);
  return {
    value: faults.length > 0 ? undefined : value,
    faults: firstOfEachLine(faults).map(({ line, message }) => ({ line, message: sentence(message) })),
    duplicates,
    lineOf: (path) => lineAt(offsetOf(document.contents, path) ?? 0),
  };
}

function plainValue(document: Document): { value?: unknown; fault?: YamlFault } {
  if (document.errors.length > 0) return {};
  try {
    return { value: document.toJS() ?? null };
  } catch (error) {
    return { fault: { line: 1, message: (error as Error).message } }; // an alias without its anchor, or too many
  }
}

/** The parser stumbles on over the rest of a line that it does not understand. */
const firstOfEachLine = (faults: readonly YamlFault[]) =>
  faults.filter(({ line }, index) => faults.findIndex((other) => other.line === line) === index);

const sentence = (message: string) => message.replace(/\s+/g, ' ').replace(/\.?$/, '.');

/** Removes the later ones of equal keys, so that the first stays to be checked. */
function takeDuplicates(document: Document, lineAt: (offset: number) => number): DuplicateKey[] {
  const duplicates: DuplicateKey[] = [];
  visit(document, {
    Map(_, map) {
      const firstLines = new Map<string, number>();
      map.items = map.items.filter(({ key }: Pair) => {
        if (!isScalar(key) || key.value === '<<') return true;
        const [name, line] = [String(key.value), lineAt(key.range?.[0] ?? 0)];
        const firstLine = firstLines.get(name);
        if (firstLine === undefined) firstLines.set(name, line);
        else duplicates.push({ key: name, line, firstLine });
        return firstLine === undefined;
      });
    },
  });
  return duplicates;
}

function offsetOf(from: Node | null, path: readonly PropertyKey[]): number | undefined {
  let offset = from?.range?.[0];
  let node: unknown = from;
  for (const step of path) {
    const found = isMap(node) ? inMap(node, step) : isSeq(node) ? inList(node.items, step) : null;
    if (!found) break;
    offset = found.offset ?? offset;
    node = found.node;
  }
  return offset;
}

function inMap(map: YAMLMap, step: PropertyKey) {
  const pair = map.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
  return pair ? { node: pair.value, offset: (pair.key as Node).range?.[0] } : null;
}

function inList(items: readonly unknown[], step: PropertyKey) {
  const node = items[Number(step)] as Node | undefined;
  return node ? { node, offset: node.range?.[0] } : null;
}
