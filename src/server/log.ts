/** The log: JSON lines, in which no secret of a caller is. */
import { type DestinationStream, type Logger, type LoggerOptions, pino } from 'pino'
import { HIDDEN, hideUrlSecrets } from '../core/problems/hide-secrets.ts'

/** Nothing is meant to log them; where something does all the same, they are hidden. */
const SECRETS = ['authorization', 'cookie', 'set-cookie', 'x-csrf-token', 'password', 'token', 'csrf', 'secret']

const redact = {
  paths: SECRETS.flatMap((name) => ['', '*', '*.*'].map((depth) => `${depth}["${name}"]`)).concat('body', '*.body'),
  censor: HIDDEN
}

interface LoggedRequest {
  readonly method?: string
  readonly url?: string
  readonly ip?: string
}

const options: LoggerOptions = {
  redact,
  serializers: {
    req: ({ method, url, ip }: LoggedRequest) => ({ method, url: hideUrlSecrets(url ?? ''), remoteAddress: ip })
  }
}

/** @param destination by default standard output */
export function createLog(level: string, destination?: DestinationStream): Logger {
  return destination === undefined ? pino({ ...options, level }) : pino({ ...options, level }, destination)
}
