/** Makes valid, nearly valid, and hostile requests. */
import fc from 'fast-check'
import { filesBody } from '../../support/api/multipart.ts'
import { packageFiles } from '../../support/packages.ts'
import type { Operation } from './operations.ts'
import { chance, exampleOf, type Generator, type Known, nastyText, pick, type Schema, spoiled } from './values.ts'
import type { World } from './world.ts'

export interface FuzzRequest {
  readonly method: string
  /** The target in the request line. */
  readonly target: string
  readonly headers: readonly (readonly [string, string])[]
  readonly body: Buffer
}

export interface RequestContext {
  readonly operations: readonly Operation[]
  readonly resolve: (schema: Schema) => Schema
  readonly world: World
  readonly host: string
  /** A token of an administrator: wrong passwords of other requests do not delay it. */
  readonly authorization: string
  /** The password login of an administrator, for routes that refuse tokens. */
  readonly password: string
  /** Whether one more of these expensive requests may be made: they take seconds, not milliseconds. */
  mayCost(what: 'import' | 'scan' | 'stream' | 'whole'): boolean
}

/** The shares of nearly valid and of hostile requests, in percent. */
const NEARLY = 30
const HOSTILE = 15

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND']

const CONTENT_TYPES = [
  'application/json; charset=utf-16le',
  'application/json; charset=nonsense',
  'application/json;;;',
  'application/x-www-form-urlencoded',
  'multipart/form-data',
  'multipart/form-data; boundary=',
  'multipart/form-data; boundary=x',
  'text/xml',
  'nonsense',
  `application/${'x'.repeat(500)}`
]

const ODD_HEADERS: readonly (readonly [string, string])[] = [
  ['X-HTTP-Method-Override', 'DELETE'],
  ['X-Original-URL', '/docs'],
  ['X-Forwarded-For', '1.2.3.4, ::1, nonsense'],
  ['X-Forwarded-Host', 'evil.example'],
  ['Accept', 'application/xml;q=2, */*;q=-1'],
  ['Accept-Encoding', 'gzip, br, *;q=0'],
  ['Content-Encoding', 'gzip'],
  ['Origin', 'null'],
  ['Sec-Fetch-Site', 'same-origin'],
  ['Expect', '100-continue'],
  ['Upgrade', 'websocket'],
  ['If-None-Match', '*'],
  ['If-None-Match', 'W/"x", "y'],
  ['If-Modified-Since', 'yesterday'],
  ['If-Modified-Since', 'Thu, 01 Jan 2099 00:00:00 GMT'],
  ['Last-Event-ID', '-1'],
  ['Last-Event-ID', '99999999999999999999'],
  ['Cookie', '__proto__=1; JSESSIONID=; csrf'],
  ['Cookie', `JSESSIONID=${'x'.repeat(2_000)}`],
  ['X-Not-User-Input', '1'],
  ['X-Request-Id', 'a'.repeat(500)],
  ['traceparent', '00-nonsense']
]

const RANGES = [
  'bytes=0-',
  'bytes=0-0',
  'bytes=-1',
  'bytes=5-2',
  'bytes=99999999999-',
  'bytes=0-1,3-4',
  'x=1',
  'bytes=-0'
]

export function makeRequest(g: Generator, context: RequestContext): FuzzRequest {
  const dice = g(fc.nat, 99)
  const kind = dice < HOSTILE ? 'hostile' : dice < HOSTILE + NEARLY ? 'nearly' : 'valid'
  const operation = chooseOperation(g, context)
  const method = kind !== 'valid' && chance(g, 8) ? pick(g, METHODS) : operation.method
  const { path, query } = parametersOf(g, operation, kind, context)
  const { headers, body } = bodyOf(g, operation, kind, context)
  if (kind !== 'valid' && chance(g, 40)) headers.push(pick(g, ODD_HEADERS))
  if (chance(g, 4)) headers.push(['Range', pick(g, RANGES)])
  if (kind === 'hostile' && chance(g, 10)) headers.push(['X-Long', 'y'.repeat(g(fc.nat, 20_000))])
  const target = kind === 'hostile' && chance(g, 10) ? oddPath(g, path) : path
  return {
    method,
    target: query.length === 0 ? target : `${target}?${query.join('&')}`,
    headers: [['Host', context.host], ...loginOf(g, kind, context, operation), ...headers],
    body
  }
}

/** Expensive operations are chosen only as often as `mayCost` allows. */
function chooseOperation(g: Generator, { operations, mayCost }: RequestContext): Operation {
  for (;;) {
    const found = pick(g, operations)
    // Operations that change data wait for the disk.
    if (found.method !== 'GET' && chance(g, 50)) continue
    if (found.operationId.startsWith('follow') && found.path.startsWith('/api/') && !mayCost('stream')) continue
    if (found.operationId.startsWith('download') && found.operationId !== 'downloadPackageFile' && !mayCost('whole'))
      continue
    return found
  }
}

type Kind = 'valid' | 'nearly' | 'hostile'

function parametersOf(g: Generator, operation: Operation, kind: Kind, context: RequestContext) {
  const { world, resolve } = context
  let path = operation.path
  const file =
    operation.operationId === 'downloadPackageFile' && world.files.length > 0 ? pick(g, world.files) : undefined
  const known: Known = (generator, name) => file?.[name as keyof typeof file] ?? world.known(generator, name)
  const query: string[] = []
  const add = (name: string, value: string) => query.push(`${name}=${encode(g, value, kind)}`)
  for (const { name, in: location, required, schema } of operation.parameters) {
    const isNasty = kind !== 'valid' && chance(g, kind === 'hostile' ? 50 : 25)
    const value = isNasty ? nastyText(g) : String(exampleOf(g, schema, name, { resolve, known }))
    if (location === 'path') path = path.replace(`{${name}}`, encode(g, value, kind))
    if (location !== 'query') continue
    const isLeftOut = required ? kind !== 'valid' && chance(g, 10) : chance(g, 55)
    if (isLeftOut) continue
    add(kind !== 'valid' && chance(g, 10) ? name.toUpperCase() : name, harmless(name, value, context))
    if (kind !== 'valid' && chance(g, 8)) add(name, chance(g, 50) ? value : nastyText(g))
  }
  if (operation.method === 'PUT' && operation.path.startsWith('/updateRepositories')) query.push('dryRun=true')
  if (kind !== 'valid' && chance(g, 15)) add(encode(g, nastyText(g), kind), nastyText(g))
  return { path, query }
}

/** A scan is an expensive request. */
function harmless(name: string, value: string, { mayCost }: RequestContext): string {
  return name === 'action' && value.toLowerCase() === 'read' && !mayCost('scan') ? 'export' : value
}

/** Valid requests encode values correctly; hostile ones send raw bytes, or encode them twice. */
function encode(g: Generator, value: string, kind: Kind): string {
  const text = encodeURIComponent(value.toWellFormed())
  if (kind !== 'hostile' || chance(g, 60)) return text
  if (chance(g, 40)) return encodeURIComponent(text)
  // Characters that end the request line would make another request: malformed requests test that.
  return value.replace(/[\s\p{Cc}]/gu, (character) => encodeURIComponent(character)).toWellFormed()
}

function oddPath(g: Generator, path: string): string {
  const forms = [
    `/${path}`,
    `${path}/`,
    `${path}/..`,
    `/.${path}`,
    path.toUpperCase(),
    `${path};a=b`,
    `${path}%2f..%2f`
  ]
  return pick(g, [
    ...forms,
    `${path}/${encodeURIComponent(nastyText(g).toWellFormed())}`,
    '*',
    '/%',
    '/%00',
    `${path}#x`
  ])
}

function loginOf(
  g: Generator,
  kind: Kind,
  { authorization, password, world }: RequestContext,
  { path }: Operation
): (readonly [string, string])[] {
  const dice = g(fc.nat, 99)
  const [session] = world.sessions
  if (dice < 12 && session !== undefined) {
    const cookie = ['Cookie', `JSESSIONID=${session.token}; csrf=${session.csrf}`] as const
    return chance(g, 85) ? [cookie, ['X-Csrf-Token', session.csrf]] : [cookie]
  }
  const needsPassword = /^\/api\/v1\/(users|tokens|me)/.test(path)
  if (kind === 'valid' || dice < 85) return [['Authorization', needsPassword ? password : authorization]]
  if (dice < 90) return []
  const credentials = Buffer.from(nastyText(g)).toString('base64')
  return [
    ['Authorization', pick(g, [`Basic ${credentials}`, `Bearer ${credentials}`, 'Basic', 'Basic !!!', credentials])]
  ]
}

function bodyOf(g: Generator, operation: Operation, kind: Kind, context: RequestContext) {
  const headers: (readonly [string, string])[] = []
  const types = Object.keys(operation.bodies)
  if (types.length === 0) {
    if (kind !== 'hostile' || chance(g, 70)) return { headers, body: Buffer.alloc(0) }
    return withLength(g, headers, Buffer.from(nastyText(g)), kind)
  }
  const type = pick(g, types)
  if (type === 'multipart/form-data') return upload(g, kind, context)
  const { world, resolve } = context
  const value = exampleOf(g, operation.bodies[type] ?? {}, '', { resolve, known: world.known })
  const sent = kind === 'valid' || chance(g, 25) ? value : spoiled(g, value)
  const text = kind === 'hostile' && chance(g, 20) ? nastyText(g) : (JSON.stringify(sent) ?? '')
  const cut = kind === 'hostile' && chance(g, 15) ? text.slice(0, g(fc.nat, text.length)) : text
  headers.push(['Content-Type', kind !== 'valid' && chance(g, 15) ? pick(g, CONTENT_TYPES) : type])
  return withLength(g, headers, Buffer.from(cut), kind)
}

function withLength(g: Generator, headers: (readonly [string, string])[], content: Buffer, kind: Kind) {
  if (kind !== 'hostile' || chance(g, 70)) {
    headers.push(['Content-Length', String(content.length)])
    return { headers, body: content }
  }
  headers.push(['Transfer-Encoding', 'chunked'])
  const chunk = content.length === 0 ? '' : `${content.length.toString(16)}\r\n${content.toString('latin1')}\r\n`
  return { headers, body: Buffer.from(`${chunk}0\r\n\r\n`, 'latin1') }
}

/** Uploads small packages. Accepted imports are expensive, so most uploads are invalid. */
function upload(g: Generator, kind: Kind, { mayCost }: RequestContext) {
  const fixid = `fuzz_fw_${g(fc.nat, 20)}-1.${g(fc.nat, 3)}_anyos_noarch`
  const whole = packageFiles({ fixid, payload: 'x'.repeat(g(fc.nat, 3_000)) })
  const files = kind === 'valid' && mayCost('import') ? whole : { [nastyName(g)]: 'x', ...(chance(g, 50) ? whole : {}) }
  const { headers, payload } = filesBody(files)
  const body = kind === 'hostile' ? payload.subarray(0, g(fc.nat, payload.length)) : payload
  const list: (readonly [string, string])[] = [['Content-Type', headers['content-type']]]
  return withLength(g, list, Buffer.from(body), 'valid')
}

/** A file name that is refused before an import is accepted. */
function nastyName(g: Generator): string {
  return pick(g, [
    '../x.xml',
    '/etc/passwd',
    'a/b.xml',
    'CON',
    '..',
    '.hidden',
    'a\0b',
    `${'n'.repeat(300)}.xml`,
    'x\\y.zip'
  ])
}
