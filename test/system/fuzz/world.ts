/** The values that the fuzzer has learned from the answers of the server. */
import { chance, type Generator, type Known, pick } from './values.ts'

const MAX_KEPT = 300
const MAX_LEARNED_BYTES = 64 * 1024

export interface Session {
  readonly token: string
  readonly csrf: string
}

export interface PackageFile {
  readonly fixid: string
  readonly path: string
}

export interface World {
  readonly known: Known
  readonly sessions: readonly Session[]
  readonly files: readonly PackageFile[]
  /** Keeps values of an answer for later requests. */
  learn(body: Buffer): void
  /** The newest session has ended. */
  forgetSession(): void
}

/** The kind of value by name: names in answers and in requests have the same kind. */
const KINDS: Readonly<Record<string, string>> = {
  fixid: 'fixid',
  fixids: 'fixid',
  name: 'file',
  id: 'task',
  ids: 'task',
  taskid: 'task',
  taskids: 'task',
  jobid: 'task',
  archiveName: 'archive',
  current: 'archive',
  exportRepoFilename: 'archive',
  next: 'cursor',
  cursor: 'cursor',
  path: 'path',
  machineTypes: 'machineType',
  machineType: 'machineType',
  mt: 'machineType',
  token: 'token',
  user: 'user'
}

/**
 * @param login that requests may use and invalidate
 * @param ownTokenId the fuzzer's own token, which no request may name: the run needs it
 */
export function createWorld(login: { readonly user: string; readonly password: string }, ownTokenId: string): World {
  const pools = new Map<string, string[]>()
  const sessions: Session[] = []
  const files: PackageFile[] = []
  let replaced = 0

  function keep(name: string, value: unknown): void {
    const kind = KINDS[name]
    if (kind === undefined || (typeof value !== 'string' && typeof value !== 'number') || value === '') return
    const pool = pools.get(kind) ?? []
    pools.set(kind, pool)
    const text = String(value)
    if (text.length > 400 || text === ownTokenId || pool.includes(text)) return
    // New values replace old ones, except the first fifty.
    if (pool.length < MAX_KEPT) pool.push(text)
    else pool[MAX_KEPT - 1 - (replaced++ % (MAX_KEPT - 50))] = text
  }

  function walk(value: unknown, name: string): void {
    if (Array.isArray(value)) {
      for (const item of value.slice(0, 30)) walk(item, name)
    } else if (typeof value === 'object' && value !== null) {
      for (const [member, of] of Object.entries(value)) walk(of, member)
      if ('fixid' in value && 'files' in value) keepFiles(String(value.fixid), value.files)
      if ('csrf' in value && 'id' in value) keepSession({ token: String(value.id), csrf: String(value.csrf) })
    } else keep(name, value)
  }

  function keepFiles(fixid: string, of: unknown): void {
    for (const file of Array.isArray(of) ? of : []) {
      if (files.length < MAX_KEPT && typeof file?.path === 'string') files.push({ fixid, path: file.path })
    }
  }

  function keepSession(session: Session): void {
    sessions.unshift(session)
    sessions.length = Math.min(sessions.length, 8)
  }

  return {
    sessions,
    files,
    forgetSession: () => void sessions.shift(),
    known(g: Generator, name: string) {
      if (name === 'UserId' || name === 'userid') return login.user
      if (name === 'password' || name === 'currentPassword') return login.password
      const pool = pools.get(KINDS[name] ?? '')
      if (pool === undefined || pool.length === 0) return undefined
      const one = pick(g, pool)
      const isList = name === 'ids' || name === 'mt'
      return isList && chance(g, 20) ? `${one},${pick(g, pool)}` : one
    },
    learn(body) {
      if (body.length > MAX_LEARNED_BYTES) return
      try {
        walk(JSON.parse(body.toString()), '')
      } catch {
        // Whether the body had to be JSON is checked in judge.ts.
      }
    }
  }
}
