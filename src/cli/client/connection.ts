/**
 * Which server is asked, and by whom. What counts first: the command line, then the environment, then the profile, then
 * the settings of a server of this machine. The secrets of a profile or of those settings go to the server they were
 * written for, and to no other one that somebody names on the command line.
 */
import fs from 'node:fs'
import type { ClientSetting } from '../../config/client-settings.ts'
import { reasonOf } from '../../core/problems/system-error.ts'
import { askPassword, readPasswordLine } from '../terminal/ask-password.ts'
import { CommandError, EXIT, refuseUsage } from '../terminal/exit.ts'
import { findLocalServer, type LocalServer } from './local-server.ts'
import { type Profile, profileFile, readProfile } from './profile.ts'

/** As the command line gives them. */
export interface ConnectionOptions {
  readonly url?: string
  readonly user?: string
  readonly passwordStdin?: boolean
  readonly token?: string
  readonly insecure?: boolean
  readonly caFile?: string
  readonly profile?: string
}

export interface Connection {
  /** Without a slash at its end. */
  readonly url: URL
  /** Value of the header; undefined when nobody has said who asks. */
  readonly authorization: string | undefined
  /** PEM of the authorities that are trusted; undefined: those that the system trusts. */
  readonly ca: string | undefined
  /** Any certificate is taken. */
  readonly insecure: boolean
}

export type Environment = Readonly<Record<string, string | undefined>>

/** @throws CommandError */
export async function resolveConnection(options: ConnectionOptions, environment: Environment): Promise<Connection> {
  const given = (name: ClientSetting) => environment[name] || undefined
  const namedProfile = options.profile ?? given('FIXDEPOT_PROFILE')
  const profile = readProfile(namedProfile ?? profileFile(environment), namedProfile !== undefined) ?? {}
  const named = options.url ?? given('FIXDEPOT_URL') ?? profile.url
  const local = named === undefined ? await findLocalServer() : undefined
  const url = parseUrl(named ?? local?.url ?? '')
  // A profile without a URL is of any server.
  const isOfProfile = profile.url === undefined || parseUrl(profile.url).origin === url.origin
  const trusted = isOfProfile ? profile : {}
  const insecure = options.insecure ?? trusted.insecure ?? false
  const caFile = options.caFile ?? given('FIXDEPOT_CA_FILE') ?? trusted.caFile ?? local?.caFile
  const authorization = await authorize(options, given, trusted, local)
  if (authorization !== undefined) refuseToShow(url, insecure)
  return { url, authorization, ca: insecure ? undefined : readCa(caFile), insecure }
}

function parseUrl(text: string): URL {
  const url = URL.parse(text)
  if (url === null || !/^https?:$/.test(url.protocol)) {
    return refuseUsage(`${JSON.stringify(text)} is no URL of a server, such as https://depot.example:8443.`)
  }
  // It would be in the list of processes and in the history of the shell.
  if (url.username !== '' || url.password !== '')
    refuseUsage('User and password do not belong into the URL; give --user.')
  url.pathname = url.pathname.replace(/\/+$/, '')
  url.search = ''
  url.hash = ''
  return url
}

/** A token before a user, the nearer place before the farther one. */
async function authorize(
  options: ConnectionOptions,
  given: (name: ClientSetting) => string | undefined,
  profile: Profile,
  local: LocalServer | undefined
): Promise<string | undefined> {
  if (options.token !== undefined) return bearer(options.token)
  if (options.user === undefined) {
    const token = given('FIXDEPOT_TOKEN') ?? (given('FIXDEPOT_USER') === undefined ? profile.token : undefined)
    if (token !== undefined) return bearer(token)
  }
  const user = options.user ?? given('FIXDEPOT_USER') ?? profile.user ?? local?.user
  if (user === undefined) return undefined
  if (user.includes(':')) refuseUsage('The name of a user has no colon.')
  const password = options.passwordStdin
    ? await readPasswordLine()
    : (given('FIXDEPOT_PASSWORD') ?? passwordOf(user, profile) ?? passwordOf(user, local) ?? (await askPassword(user)))
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}

function passwordOf(user: string, location: { user?: string; password?: string | undefined } | undefined) {
  return location?.user === undefined || location.user === user ? location?.password : undefined
}

function bearer(token: string): string {
  if (!/^[\x21-\x7e]+$/.test(token)) refuseUsage('A token has no spaces and no special characters.')
  return `Bearer ${token}`
}

/** Whoever is on the way would read the password. */
function refuseToShow({ protocol, hostname }: URL, insecure: boolean): void {
  const isLoopback = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname)
  if (protocol === 'https:' || isLoopback || insecure) return
  refuseUsage(
    `Over plain HTTP everybody on the way to ${hostname} could read the password. Use https://, or --insecure.`
  )
}

function readCa(file: string | undefined): string | undefined {
  if (file === undefined) return undefined
  try {
    return fs.readFileSync(file, 'utf8')
  } catch (error) {
    const sentence = `The certificate ${file} cannot be read: ${reasonOf(error)}.`
    throw new CommandError(EXIT.usage, 'CA_UNREADABLE', sentence, '', { cause: error })
  }
}
