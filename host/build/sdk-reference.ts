import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { ROOT_DIR } from '../paths.ts';
import { SDK_ENTRIES } from './sdk-package.ts';

/** Something the SDK exports. */
interface Exported {
  readonly name: string;
  /** Its comment, as text. */
  readonly comment: string;
  /** Its declaration, without bodies. */
  readonly code: string;
  readonly isType: boolean;
}

type Declaration =
  | ts.InterfaceDeclaration
  | ts.TypeAliasDeclaration
  | ts.FunctionDeclaration
  | ts.ClassDeclaration;

/** The reference of the SDK, from the declarations in its sources and the comments on them. */
export async function sdkReference(): Promise<string> {
  const sections: string[] = [];
  for (const [entry, source] of Object.entries(SDK_ENTRIES)) {
    const exported = await exportsOf(join(ROOT_DIR, source));
    const inOrder = [...exported].sort(
      (a, b) => Number(a.isType) - Number(b.isType) || compare(a.name, b.name),
    );
    sections.push(`## \`${join('@magflock/sdk', entry)}\``, ...inOrder.map(section));
  }
  const made = 'Made from `manifests/sdk/` and `host/testing/harness.ts` by `npm run docs`; do not edit.';
  const note = [
    'Without generated types `ctx` is all of `Context`. With those of `mag extension:types`, a call that the manifest',
    'declares no capability for is an `Undeclared` and cannot be called, and names are those of the manifest.',
  ].join('\n');
  return `${['# SDK', made, note, ...sections].join('\n\n')}\n`;
}

function section({ name, comment, code }: Exported): string {
  const parts = [`### \`${name}\``, comment, `\`\`\`ts\n${code}\n\`\`\``];
  return parts.filter((part) => part !== '').join('\n\n');
}

async function exportsOf(file: string): Promise<Exported[]> {
  const source = await parse(file);
  const found: Exported[] = [];
  for (const statement of source.statements) {
    if (ts.isExportDeclaration(statement)) found.push(...(await reExported(file, statement)));
    else if (isDeclaration(statement) && isExported(statement)) found.push(describe(source, statement));
  }
  return found;
}

async function reExported(file: string, statement: ts.ExportDeclaration): Promise<Exported[]> {
  const { moduleSpecifier, exportClause } = statement;
  if (!moduleSpecifier || !exportClause || !ts.isNamedExports(exportClause)) return [];
  const from = join(dirname(file), (moduleSpecifier as ts.StringLiteral).text);
  const sources = [await parse(from), await parse(join(ROOT_DIR, 'manifests/sdk/host-api.ts'))];
  return exportClause.elements.map(({ name, propertyName }) => {
    // What is narrowed by the manifest is shown whole: under the name it has for authors.
    const named = sources.flatMap((source) => find(source, name.text) ?? []);
    const [shown] = [...named, ...sources.flatMap((source) => find(source, propertyName?.text ?? '') ?? [])];
    if (shown === undefined) throw new Error(`${name.text} is exported and not declared`);
    return shown;
  });
}

function find(source: ts.SourceFile, name: string): Exported | null {
  const found = source.statements.find(
    (statement) => isDeclaration(statement) && statement.name?.text === name && isExported(statement),
  );
  return found === undefined ? null : describe(source, found as Declaration);
}

function describe(source: ts.SourceFile, node: Declaration): Exported {
  const whole = source.text.slice(node.getStart(source), endOf(source, node)).trimEnd();
  return {
    name: node.name?.text ?? '',
    comment: commentOf(node),
    code: whole
      .split('\n')
      .filter((line) => !line.includes('biome-ignore'))
      .join('\n')
      .replace(/^export /, ''),
    isType: ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node),
  };
}

/** Of a function, where its body begins. */
function endOf(source: ts.SourceFile, node: Declaration): number {
  return ts.isFunctionDeclaration(node) && node.body ? node.body.getStart(source) : node.end;
}

function commentOf(node: Declaration): string {
  const text = ts.getJSDocCommentsAndTags(node).flatMap((doc) => {
    if (!ts.isJSDoc(doc)) return [];
    const tags = (doc.tags ?? []).map((tag) => `*${tag.tagName.text}* ${plain(tag.comment)}`);
    return [plain(doc.comment), ...tags];
  });
  return text.filter((line) => line !== '').join('\n\n');
}

function plain(comment: string | ts.NodeArray<ts.JSDocComment> | undefined): string {
  return (ts.getTextOfJSDocComment(comment) ?? '').trim();
}

function isDeclaration(node: ts.Node): node is Declaration {
  return (
    ts.isInterfaceDeclaration(node) ||
    ts.isTypeAliasDeclaration(node) ||
    ts.isFunctionDeclaration(node) ||
    ts.isClassDeclaration(node)
  );
}

function isExported(node: Declaration): boolean {
  return node.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) ?? false;
}

async function parse(file: string): Promise<ts.SourceFile> {
  return ts.createSourceFile(file, await readFile(file, 'utf8'), ts.ScriptTarget.Latest, true);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : 1;
}
