/** The profile: a file of the user that says which server it is, and who asks. */
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

/** Others may do something with the file. */
const OTHERS = 0o077

/** Where it is looked for when nobody names another place. */
export function profileFile(environment: Readonly<Record<string, string | undefined>>): string {
  const base = environment.XDG_CONFIG_HOME || path.join(environment.HOME || os.homedir(), '.config')
  return path.join(base, 'fixdepot', 'profile.json')
}

/**
 * Undefined when there is none and it need not be there.
 * @throws CommandError (usage) for a file that is not a profile, or that shows a secret to others
 */
export function readProfile(file: string, isNamed: boolean): Profile | undefined {
  const text = readText(file, isNamed)
  if (text === undefined) return undefined
  const profile = parse(file, text.content)
  const hasSecret = profile.password !== undefined || profile.token !== undefined
  if (hasSecret && (text.mode & OTHERS) !== 0) {
    refuseUsage(`The profile ${file} holds a secret, and others may read or write it. Run: chmod 600 ${file}`)
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
