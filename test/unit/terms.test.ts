/** The terms that readers would have to learn, and comments that are hard to read, stay out of the code. */
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'

const PROJECT = path.join(import.meta.dirname, '../..')

/** Former private terms, as the words of an identifier; several words stand together in it. */
const FORMER_TERMS = [
  'desk',
  'lane',
  'stranger',
  'bury',
  'heed',
  'rider',
  'put aside',
  'trouble',
  'persistently',
  'patiently',
  'side by side',
  'give back',
  'look outside',
  'reading'
]

/** A report of the doctor consists of findings; nothing else does. */
const DOCTOR = /^(src|test\/unit|test\/contract)\/admin\/|^src\/cli\/commands\/doctor/

/** Members of the JSON that `fixdepot verify` and `fixdepot doctor` print. */
const JSON_MEMBERS = ['findings', 'findingCount']

/** Of the formatter, in biome.json. */
const LINE_WIDTH = 120

/** Comments, texts and regular expressions are matched first, so names are found outside of them only. */
const TOKENS = new RegExp(
  [
    '//.*',
    '/\\*[^]*?\\*/',
    "'(?:\\\\.|[^'\\\\\\n])*'",
    '"(?:\\\\.|[^"\\\\\\n])*"',
    '`(?:\\\\.|[^`\\\\])*`',
    '/(?:\\\\.|[^/\\\\\\n])+/[a-z]*',
    '(?<name>[A-Za-z_$][\\w$]*)'
  ].join('|'),
  'g'
)

const listFiles = (...patterns: string[]) =>
  execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', ...patterns], {
    cwd: PROJECT,
    encoding: 'utf8'
  })
    .split('\n')
    .filter((file) => file !== '' && fs.existsSync(path.join(PROJECT, file)))

const readText = (file: string) => fs.readFileSync(path.join(PROJECT, file), 'utf8')

/** `isReadOnly`, `READ_ONLY` and `read-only` have the words `read` and `only`. */
function wordsOf(name: string): string {
  const words = name.replace(/([a-z\d])([A-Z])/g, '$1 $2').replace(/([A-Z])([A-Z][a-z])/g, '$1 $2')
  return ` ${words
    .split(/[^A-Za-z\d]+/)
    .join(' ')
    .toLowerCase()} `
}

function hasTerm(name: string, terms: readonly string[]): boolean {
  const words = wordsOf(name)
  return terms.some((term) => words.includes(` ${term} `) || words.includes(` ${term}s `))
}

function identifiersOf(source: string): Set<string> {
  return new Set([...source.matchAll(TOKENS)].flatMap(({ groups }) => groups?.name ?? []))
}

t.test('no identifier and no file name has a former private term', async (t) => {
  for (const file of listFiles('*.ts')) {
    // The expression that finds strings is none itself.
    if (file === 'test/unit/terms.test.ts') continue
    const terms = DOCTOR.test(file) ? FORMER_TERMS : [...FORMER_TERMS, 'finding']
    const names = [path.basename(file, '.ts'), ...identifiersOf(readText(file))]
    const found = names.filter((name) => hasTerm(name, terms) && !JSON_MEMBERS.includes(name))
    if (found.length > 0) t.fail(`${file}: ${found.join(', ')}`)
  }
})

t.test('lists are comma-separated', async (t) => {
  const former = ['parted', 'by'].join(' ')
  for (const file of listFiles()) {
    if (readText(file).includes(former)) t.fail(`${file} says "${former}"`)
  }
})

t.test('no line of a comment is wider than the formatter allows', async (t) => {
  for (const file of listFiles('*.ts')) {
    const wide = readText(file)
      .split('\n')
      .flatMap((line, index) => (line.length > LINE_WIDTH && /^\s*(\/\/|\/\*|\* |\*\/)/.test(line) ? [index + 1] : []))
    if (wide.length > 0) t.fail(`${file}: lines ${wide.join(', ')}`)
  }
})

t.test('the check finds what it looks for', async (t) => {
  t.ok(hasTerm('deskThread', FORMER_TERMS))
  t.ok(hasTerm('MAX_LANES', FORMER_TERMS))
  t.ok(hasTerm('isPutAside', FORMER_TERMS))
  t.ok(hasTerm('file-reading', FORMER_TERMS))
  t.notOk(hasTerm('planes', FORMER_TERMS))
  t.notOk(hasTerm('spreading', FORMER_TERMS))
  t.same([...identifiersOf("const lane = 'desk' // trouble\n/* heed */ f(`rider`)")], ['const', 'lane', 'f'])
})
