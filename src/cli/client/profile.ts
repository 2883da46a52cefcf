/** The profile: a file of the user with the server and the login. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { reasonOf } from '../../core/problems/system-error.ts'
import { CommandError, EXIT, refuseUsage } from '../terminal/exit.ts'

export interface Profile {
  readonly url?: string
  readonly user?: string
  readonly password?: string
  readonly token?: string
  /** PEM; relative to the directory of the profile. */
  readonly caFile?: string
  readonly insecure?: boolean
}

const TYPES: Readonly<Record<keyof Profile, 'string' | 'boolean'>> = {
  url: 'string',
  user: 'string',
  password: 'string',
  token: 'string',
  caFile: 'string',
  insecure: 'boolean'
}

/** Permissions of the group and of others. */
const OTHERS = 0o077

/** The default path. */
export function profileFile(environment: Readonly<Record<string, string | undefined>>): string {
  const base = environment.XDG_CONFIG_HOME || path.join(environment.HOME || os.homedir(), '.config')
  return path.join(base, 'fixdepot', 'profile.json')
}

/**
 * @param isNamed the user has named the file: it must exist
 * @throws CommandError (usage) for a file that is not a profile, or that others can access and that has a secret
 */
export function readProfile(file: string, isNamed: boolean): Profile | undefined {
  const text = readText(file, isNamed)
  if (text === undefined) return undefined
  const profile = parse(file, text.content)
  const hasSecret = profile.password !== undefined || profile.token !== undefined
  if (hasSecret && (text.mode & OTHERS) !== 0) {
    refuseUsage(`The profile ${file} contains a secret, but others may read or write it. Run: chmod 600 ${file}`)
  }
  return profile.caFile === undefined
    ? profile
    : { ...profile, caFile: path.resolve(path.dirname(file), profile.caFile) }
}

function readText(file: string, isNamed: boolean): { content: string; mode: number } | undefined {
  try {
    const fd = fs.openSync(file, 'r')
    try {
      return { mode: fs.fstatSync(fd).mode, content: fs.readFileSync(fd, 'utf8') }
    } finally {
      fs.closeSync(fd)
    }
  } catch (error) {
    const reason = reasonOf(error)
    if (!isNamed && (reason === 'ENOENT' || reason === 'ENOTDIR')) return undefined
    const sentence = `The profile ${file} cannot be read: ${reason}.`
    throw new CommandError(EXIT.usage, 'PROFILE_UNREADABLE', sentence, '', { cause: error })
  }
}

function parse(file: string, text: string): Profile {
  const content = parseOrNothing(text)
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    return refuseUsage(`The profile ${file} is not a JSON object.`)
  }
  for (const [name, value] of Object.entries(content)) {
    const type = Object.hasOwn(TYPES, name) ? TYPES[name as keyof Profile] : undefined
    if (type === undefined) refuseUsage(`The profile ${file} has the unknown member ${JSON.stringify(name)}.`)
    if (typeof value !== type) refuseUsage(`In the profile ${file}, ${name} must be a ${type}.`)
  }
  return content
}

function parseOrNothing(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
