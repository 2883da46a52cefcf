/**
 * Resolves the server and the login. Order of precedence: the command line, the environment, the profile, the settings
 * of the server of this machine. The secrets of a profile or of these settings are sent to their own server only, and
 * not to another one that the command line names.
 */
import fs from 'node:fs'
import type { ClientSetting } from '../../config/client-settings.ts'
import { reasonOf } from '../../core/problems/system-error.ts'
import { askPassword, readPasswordLine } from '../terminal/ask-password.ts'
import { CommandError, EXIT, refuseUsage } from '../terminal/exit.ts'
import { findLocalServer, type LocalServer } from './local-server.ts'
import { type Profile, profileFile, readProfile } from './profile.ts'

/** From the command line. */
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
  /** Without a slash at the end. */
  readonly url: URL
  /** Value of the header `Authorization`; undefined without a login. */
  readonly authorization: string | undefined
  /** PEM of the trusted authorities; undefined: those of the system. */
  readonly ca: string | undefined
  /** Every certificate is accepted. */
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
  // A profile without a URL is for every server.
  const isOfProfile = profile.url === undefined || parseUrl(profile.url).origin === url.origin
  const trusted = isOfProfile ? profile : {}
  const insecure = options.insecure ?? trusted.insecure ?? false
  const caFile = options.caFile ?? given('FIXDEPOT_CA_FILE') ?? trusted.caFile ?? local?.caFile
  const authorization = await authorize(options, given, trusted, local)
  if (authorization !== undefined) refusePlainHttp(url, insecure)
  return { url, authorization, ca: insecure ? undefined : readCa(caFile), insecure }
}

function parseUrl(text: string): URL {
  const url = URL.parse(text)
  if (url === null || !/^https?:$/.test(url.protocol)) {
    return refuseUsage(`${JSON.stringify(text)} is not the URL of a server, such as https://depot.example:8443.`)
  }
  // The list of processes and the history of the shell would show the password.
  if (url.username !== '' || url.password !== '')
    refuseUsage('The URL must not contain a user or a password. Give --user instead.')
  url.pathname = url.pathname.replace(/\/+$/, '')
  url.search = ''
  url.hash = ''
  return url
}

/** A token takes precedence over a user of the same source; between sources, the order of precedence decides. */
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
  if (user.includes(':')) refuseUsage('A user name must not contain a colon.')
  const password = options.passwordStdin
    ? await readPasswordLine()
    : (given('FIXDEPOT_PASSWORD') ?? passwordOf(user, profile) ?? passwordOf(user, local) ?? (await askPassword(user)))
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}

function passwordOf(user: string, location: { user?: string; password?: string | undefined } | undefined) {
  return location?.user === undefined || location.user === user ? location?.password : undefined
}

function bearer(token: string): string {
  if (!/^[\x21-\x7e]+$/.test(token)) refuseUsage('A token must not contain spaces or special characters.')
  return `Bearer ${token}`
}

/** Over plain HTTP, the network could read the password or the token. */
function refusePlainHttp({ protocol, hostname }: URL, insecure: boolean): void {
  const isLoopback = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname)
  if (protocol === 'https:' || isLoopback || insecure) return
  refuseUsage(
    `Over plain HTTP, others on the network to ${hostname} could read the password. Use https://, or --insecure.`
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
