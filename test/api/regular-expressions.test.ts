/** No text that a caller sends makes a regular expression search for ever. */
import fs from 'node:fs'
import path from 'node:path'
import isSafe from 'safe-regex2'
import t from 'tap'
import { buildTestApp } from '../support/api/app.ts'

const SOURCE = path.join(import.meta.dirname, '../../src')

/** A literal, where one may stand. */
const LITERAL =
  /(?<=[=(,:?!&|[\s])\/(?![*/\s])((?:[^/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+)\/[dgimsuy]*(?=[\s.,;)\]]|$)/gm

/** Each round of the repetition begins with a character that the one before cannot have. */
const SEPARATED: ReadonlySet<string> = new Set(['^[0-9]{1,16}(,[0-9]{1,16})*$', '^[^,]+(,[^,]+)*$'])

/** Their length is looked at by hand: the validator would quote them. */
const BY_HAND = /^post \/sessions\..*\.(UserId|password)$/

/** What is there once or not at all repeats nothing; neither does what looks around. */
function isLinear(source: string): boolean {
  const plain = source.replace(/(?<![(\\])\?(?!:)/g, '').replace(/\(\?<?[!=]/g, '(?:')
  return SEPARATED.has(source) || isSafe(plain, { limit: 1_000 })
}

interface Found {
  readonly where: string
  readonly source: string
}

function literalsOf(file: string): Found[] {
  const code = fs.readFileSync(path.join(SOURCE, file), 'utf8').replace(/^\s*(\/\/|\/?\*).*$/gm, '')
  return [...code.matchAll(LITERAL)].map(([, source = '']) => ({ where: file, source }))
}

type Json = Record<string, unknown>

function patternsOf(value: unknown, where: string): Found[] {
  if (typeof value !== 'object' || value === null) return []
  const { pattern } = value as Json
  const own = typeof pattern === 'string' ? [{ where, source: pattern }] : []
  return own.concat(Object.entries(value).flatMap(([name, member]) => patternsOf(member, `${where}.${name}`)))
}

/** Strings that may be as long as a body. */
function unlimited(value: unknown, where: string): string[] {
  if (typeof value !== 'object' || value === null) return []
  const { type, maxLength, enum: choices, format, pattern } = value as Json
  // A pattern may say it as well.
  const isLimited = maxLength !== undefined || choices !== undefined || /^[^*+]+$/.test(String(pattern ?? '*'))
  const isUnlimited = type === 'string' && !isLimited && format !== 'binary'
  return (isUnlimited ? [where] : []).concat(
    Object.entries(value).flatMap(([name, member]) => unlimited(member, `${where}.${name}`))
  )
}

const { app } = await buildTestApp(t, {})
const description = app.swagger() as unknown as { paths: Record<string, Record<string, { requestBody?: object }>> }

t.test('no pattern has nested repetitions', async (t) => {
  const files = fs.readdirSync(SOURCE, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))
  const found = files.flatMap(literalsOf).concat(patternsOf(description, 'description'))
  t.ok(found.length > 60, `${found.length} were found`)
  for (const { where, source } of found) t.ok(isLinear(source), `${where}: ${source}`)
})

t.test('every string in a body has a maximum length', async (t) => {
  const bodies = Object.entries(description.paths).flatMap(([url, methods]) =>
    Object.entries(methods).flatMap(([method, { requestBody }]) => unlimited(requestBody, `${method} ${url}`))
  )
  t.same(
    bodies.filter((where) => !BY_HAND.test(where)),
    []
  )
})
