/** The parts of a request that the audit trail records: user, action and targets. Nothing else is recorded. */
import type { FastifyRequest } from 'fastify'
import type { AuditCredential } from '../../core/accounts/audit.ts'

export interface AuditIdentity {
  readonly user: string
  readonly credential: AuditCredential
}

/** At most this many values of a list are recorded; the others are counted. */
const MAX_LISTED = 40

/** Values of the appliance's `action` are letters; any other text is not recorded. */
const ACTION_WORD = /^[A-Za-z]{1,32}$/

/** The user of the request, or of a login that succeeded. Only this file reads logins for the audit trail. */
export function identityOf(request: FastifyRequest, status: number): AuditIdentity | undefined {
  // A request with a URL that cannot be decoded skips all hooks, so it has no decorations.
  const { identity } = request as Partial<FastifyRequest>
  if (identity) return { user: identity.name, credential: identity.kind === 'password' ? 'basic' : identity.kind }
  if (!isLogin(request) || status >= 400) return undefined
  return { user: claimedName(request) ?? '', credential: 'password' }
}

/** The user name that the request claims; it is not verified. */
export function claimedName(request: FastifyRequest): string | undefined {
  if (isLogin(request)) {
    const { UserId } = (request.body ?? {}) as { readonly UserId?: unknown }
    return typeof UserId === 'string' ? UserId : undefined
  }
  const [, base64] = /^basic +(\S+)$/i.exec(request.headers.authorization?.trim() ?? '') ?? []
  return base64 === undefined ? undefined : Buffer.from(base64, 'base64').toString().split(':', 1)[0]
}

function isLogin(request: FastifyRequest): boolean {
  return request.routeOptions.schema?.operationId === 'logIn'
}

/** The `operationId`, with the `action` of the appliance's routes. */
export function actionOf(request: FastifyRequest): string {
  const { operationId } = request.routeOptions.schema ?? {}
  if (operationId === undefined) return 'unknown'
  const { action } = (request.query ?? {}) as { readonly action?: unknown }
  const isWord = request.method !== 'GET' && typeof action === 'string' && ACTION_WORD.test(action)
  return isWord && declares(request.routeOptions.schema?.querystring, 'action')
    ? `${operationId}:${action}`
    : operationId
}

/** The kind of a path parameter, by the path segment before it. */
const NOUNS: ReadonlyMap<string, string> = new Map([
  ['tasks', 'task'],
  ['jobs', 'task'],
  ['exports', 'task'],
  ['sessions', 'session'],
  ['users', 'user'],
  ['tokens', 'token'],
  ['packages', 'fixid']
])

/** Query parameters and body attributes that are recorded, with their kinds; all others are omitted. */
const FIELDS: ReadonlyMap<string, string> = new Map([
  ['fixids', 'fixid'],
  ['list', 'task'],
  ['jobid', 'task'],
  ['exportRepoFilename', 'archive'],
  ['path', 'file'],
  ['files', 'files'],
  ['filetypes', 'files'],
  ['all', 'all'],
  ['filter', 'filter'],
  ['q', 'q'],
  ['kind', 'kind'],
  ['machineType', 'machineType'],
  ['machineTypes', 'machineType'],
  ['latest', 'latest'],
  ['downloaded', 'downloaded'],
  ['withRequisites', 'withRequisites'],
  ['dryRun', 'dryRun'],
  ['replace', 'replace'],
  ['cancelRequest', 'cancel'],
  ['role', 'role'],
  ['name', 'name']
])

/** The targets of a request, as `kind:value`. Call it only for requests that passed the schema of their route. */
export function targetsOf(request: FastifyRequest): string[] {
  const { url = '', schema } = request.routeOptions
  return [
    ...pathTargets(url, (request.params ?? {}) as Record<string, string>),
    ...fieldTargets(request.query, (name) => declares(schema?.querystring, name)),
    ...fieldTargets(request.body, (name) => declares(schema?.body, name))
  ]
}

function pathTargets(url: string, params: Readonly<Record<string, string>>): string[] {
  const parts = url.split('/')
  return parts.flatMap((part, index) => {
    if (!part.startsWith(':')) return []
    const kind = NOUNS.get(parts[index - 1] ?? '') ?? part.slice(1)
    const value = params[part.slice(1)] ?? ''
    // A session can also be named by its cookie, whose second half is its secret.
    return kind === 'session' ? [`session:${value.split('.', 1)[0]}`] : listed(kind, value.split(','))
  })
}

function fieldTargets(fields: unknown, isDeclared: (name: string) => boolean): string[] {
  if (typeof fields !== 'object' || fields === null) return []
  return Object.entries(fields).flatMap(([name, value]) => {
    const kind = FIELDS.get(name)
    return kind !== undefined && isDeclared(name) ? valueTargets(kind, value) : []
  })
}

function valueTargets(kind: string, value: unknown): string[] {
  if (Array.isArray(value)) return listed(kind, value)
  if (typeof value === 'object' && value !== null) return fieldTargets(value, () => true)
  return kind === 'fixid' ? listed(kind, String(value).split(',')) : [`${kind}:${value}`]
}

function listed(kind: string, values: readonly unknown[]): string[] {
  const named = values.slice(0, MAX_LISTED).flatMap((value) => {
    if (typeof value !== 'object' || value === null) return [`${kind}:${value}`]
    const { name } = value as { readonly name?: unknown }
    return typeof name === 'string' ? [`file:${name}`] : []
  })
  return values.length > MAX_LISTED ? [...named, `more:${values.length - MAX_LISTED}`] : named
}

/** Whether the schema, or one of its alternatives, has this property. */
function declares(schema: unknown, name: string): boolean {
  const { properties, anyOf = [] } = (schema ?? {}) as { properties?: object; anyOf?: readonly unknown[] }
  return (properties !== undefined && Object.hasOwn(properties, name)) || anyOf.some((one) => declares(one, name))
}
