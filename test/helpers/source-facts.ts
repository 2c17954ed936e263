import { parseSync } from 'oxc-parser';

/** What one source file reaches for, as far as the architecture is concerned. */
export interface SourceFacts {
  readonly path: string;
  readonly imports: readonly ImportFact[];
  /** Parts of `process` that are used; `null`: one that cannot be told, or `process` as a whole. */
  readonly process: readonly (Located & { readonly member: string | null })[];
  /** Other global functions that have an owner. */
  readonly globals: readonly (Located & { readonly name: string })[];
}

export interface ImportFact extends Located {
  /** null: computed, so that nobody can tell. */
  readonly specifier: string | null;
  readonly kind: 'value' | 'type' | 'dynamic';
}

interface Located {
  readonly line: number;
}

interface Node {
  readonly type: string;
  readonly start: number;
  readonly [key: string]: unknown;
}

interface Findings {
  readonly imports: ImportFact[];
  readonly process: { line: number; member: string | null }[];
  readonly globals: { line: number; name: string }[];
}

/** Where a node stands. */
interface Place {
  readonly parent: Node | null;
  readonly key: string;
  /** A parameter or variable around it is called `process`, so that the name means that one. */
  readonly isShadowed: boolean;
}

type Visit = (node: Node, place: Place, line: number, found: Findings) => void;

export function sourceFacts(path: string, text: string): SourceFacts {
  const { program, errors } = parseSync(path, text);
  const [error] = errors;
  if (error) throw new Error(`${path}: ${error.message}`);
  const found: Findings = { imports: [], process: [], globals: [] };
  const lineOf = (offset: number) => text.slice(0, offset).split('\n').length;
  const top = { parent: null, key: '', isShadowed: false };
  walk(program as unknown as Node, top, (node, place) => {
    for (const visit of [visitImport, visitProcess, visitGlobal])
      visit(node, place, lineOf(node.start), found);
  });
  return { path, ...found };
}

function walk(node: Node, place: Place, visit: (node: Node, place: Place) => void): void {
  visit(node, place);
  const isShadowed = place.isShadowed || declaredIn(node).includes('process');
  for (const [key, child] of Object.entries(node))
    for (const each of [child].flat()) if (isNode(each)) walk(each, { parent: node, key, isShadowed }, visit);
}

/** Names that hold in a node and all that is in it. */
function declaredIn(node: Node): string[] {
  const parameters = list(node.params).flatMap(boundNames);
  const caught = node.type === 'CatchClause' ? boundNames(node.param) : [];
  const statements = [...list(node.body), node.init, node.left].filter(isNode);
  return [...parameters, ...caught, ...statements.flatMap(declaredBy)];
}

function declaredBy(statement: Node): string[] {
  if (statement.type === 'VariableDeclaration')
    return list(statement.declarations).flatMap((each) => boundNames(each.id));
  if (statement.type === 'ImportDeclaration')
    return list(statement.specifiers).flatMap((each) => boundNames(each.local));
  return statement.type === 'FunctionDeclaration' ? boundNames(statement.id) : [];
}

/** The names that a parameter or the left side of a declaration brings into being. */
function boundNames(pattern: unknown): string[] {
  if (!isNode(pattern)) return [];
  switch (pattern.type) {
    case 'Identifier':
      return [String(pattern.name)];
    case 'ObjectPattern':
      return list(pattern.properties).flatMap((each) => boundNames(each.value ?? each.argument));
    case 'ArrayPattern':
      return list(pattern.elements).flatMap(boundNames);
    default:
      return [pattern.left, pattern.argument, pattern.parameter].flatMap(boundNames);
  }
}

const list = (value: unknown): Node[] => (Array.isArray(value) ? value.filter(isNode) : []);

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && typeof (value as Node).type === 'string';

const literal = (node: unknown): string | null =>
  isNode(node) && node.type === 'Literal' && typeof node.value === 'string' ? node.value : null;

const nameOf = (node: unknown): string | null =>
  isNode(node) && node.type === 'Identifier' ? String(node.name) : null;

const visitImport: Visit = (node, _place, line, { imports }) => {
  const add = (source: unknown, kind: ImportFact['kind']) =>
    imports.push({ specifier: literal(source), kind, line });
  switch (node.type) {
    case 'ImportDeclaration':
      add(node.source, node.importKind === 'type' ? 'type' : 'value');
      break;
    case 'ExportNamedDeclaration':
    case 'ExportAllDeclaration':
      if (node.source) add(node.source, node.exportKind === 'type' ? 'type' : 'value');
      break;
    case 'ImportExpression':
      add(node.source, 'dynamic');
      break;
    case 'TSImportType':
      add(node.source ?? node.argument, 'type');
      break;
    case 'TSExternalModuleReference':
      add(node.expression, 'value');
      break;
  }
};

const visitProcess: Visit = (node, { parent, key, isShadowed }, line, { process }) => {
  const isLocal = isShadowed && node.type === 'Identifier';
  if (!isProcess(node) || isLocal || isMereName(parent, key)) return;
  for (const member of membersUsed(node, parent, key)) process.push({ line, member });
};

const isProcess = (node: Node): boolean =>
  nameOf(node) === 'process' ||
  (node.type === 'MemberExpression' &&
    ['globalThis', 'global'].includes(nameOf(node.object) ?? '') &&
    propertyOf(node) === 'process');

/** A property or an export that only happens to be called so. */
function isMereName(parent: Node | null, key: string): boolean {
  if (parent === null) return false;
  if (parent.type === 'MemberExpression') return key === 'property' && !parent.computed;
  if (parent.type.endsWith('Specifier')) return key === 'imported' || key === 'exported';
  return key === 'key' && !parent.computed;
}

function membersUsed(node: Node, parent: Node | null, key: string): (string | null)[] {
  if (parent?.type === 'MemberExpression' && key === 'object') return [propertyOf(parent)];
  if (parent?.type === 'VariableDeclarator' && key === 'init' && isNode(parent.id)) {
    const { id } = parent;
    if (id.type === 'ObjectPattern')
      return (id.properties as Node[]).map((each) => (each.type === 'Property' ? nameOf(each.key) : null));
  }
  return node.type === 'Identifier' && parent?.type === 'UnaryExpression' ? [] : [null];
}

const propertyOf = (member: Node): string | null =>
  member.computed ? literal(member.property) : nameOf(member.property);

const ownedGlobals = ['fetch', 'WebSocket', 'EventSource', 'require', 'eval', 'Function'];

const visitGlobal: Visit = (node, _place, line, { globals }) => {
  if (node.type !== 'CallExpression' && node.type !== 'NewExpression') return;
  const callee = node.callee as Node;
  const onGlobal =
    callee.type === 'MemberExpression' && ['globalThis', 'global'].includes(nameOf(callee.object) ?? '');
  const name = onGlobal ? propertyOf(callee) : nameOf(callee);
  if (name !== null && ownedGlobals.includes(name)) globals.push({ line, name });
};
