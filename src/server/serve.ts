/** The server as a process: read the settings, open the depot, listen, and close with grace. */
import closeWithGrace from 'close-with-grace'
import type { Logger } from 'pino'
import { type Config, readConfig } from '../config/config.ts'
import { ConfigError } from '../config/config-error.ts'
import { buildApp } from '../http/app.ts'
import { DatabaseUnusable } from '../store/engine/database-unusable.ts'
import { InstanceLocked } from '../store/engine/instance-lock.ts'
import { listenForScrapers } from '../telemetry/metrics-listener.ts'
import { readVersion } from '../version.ts'
import type { JobReport } from '../worker/runtime/worker-channel.ts'
import { openCertificates } from './certificates.ts'
import { type Depot, openDepot } from './compose.ts'
import { createLog } from './log.ts'

/** The time that running requests get after a signal; a download that lasts longer is cut, and can be resumed. */
const GRACE_MS = 10_000

/** Whatever still holds the process then is a bug, and ends with it. */
const CLOSE_LIMIT_MS = 3 * GRACE_MS

/** Runs the server until a signal ends it. What the operator has to mend ends it with a sentence. */
export async function serve(): Promise<void> {
  try {
    await openAndListen()
  } catch (error) {
    if (!isForOperator(error)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exit(1)
  }
}

function isForOperator(error: unknown): error is Error {
  return [ConfigError, DatabaseUnusable, InstanceLocked].some((type) => error instanceof type)
}

async function openAndListen(): Promise<void> {
  // A limit on the size of files (ulimit -f) would end the process; like this it fails the one write, as a full disk
  // does.
  process.on('SIGXFSZ', () => {})
  const config = readConfig()
  const log = createLog(config.logLevel)
  const depot = await openDepot(config, {
    onReport: (report) => logReport(log, report),
    onCrash: (part, err, task) =>
      log.error({ part, ...task, err }, 'a part of the worker died; another one takes its place')
  })
  try {
    await listen(config, log, depot)
  } catch (error) {
    // Threads that are just starting do not always survive an exit.
    await depot.close()
    throw error
  }
}

async function listen(config: Config, log: Logger, depot: Depot): Promise<void> {
  if (depot.madePassword !== undefined) announcePassword(config.adminUser, depot.madePassword)
  // Only now is it certain that no other server uses the directory.
  const certificates = await openCertificates(config.tls, (error) => {
    log.error({ err: error }, 'the certificate cannot be replaced; the former one stays in use')
  })
  const app = await buildApp({
    services: depot.services,
    version: readVersion(),
    certificates,
    protection: config.protection,
    servesApis: config.role !== 'worker',
    logger: log
  })
  depot.metrics.watch(app.server)
  const scrapers = config.metrics && (await openMetrics(config.metrics, depot, log))
  closeWithGrace({ delay: CLOSE_LIMIT_MS, logger: log }, async ({ err }) => {
    if (err !== undefined) log.fatal({ err }, 'closing because of an error')
    const cut = setTimeout(() => app.server.closeAllConnections(), err === undefined ? GRACE_MS : 0)
    await app.close()
    clearTimeout(cut)
    certificates?.close()
    await scrapers?.close()
    await depot.close()
  })
  await app.listen({ host: config.host, port: config.port }).catch((cause) => {
    throw new ConfigError(`Cannot listen on ${config.host}, port ${config.port}: ${cause.code}.`, { cause })
  })
}

async function openMetrics(location: NonNullable<Config['metrics']>, { metrics }: Depot, log: Logger) {
  const onError = (err: unknown) => log.error({ err }, 'the metrics could not be read')
  const listener = await listenForScrapers(location, metrics, onError).catch((cause) => {
    throw new ConfigError(`Cannot listen for metrics on ${location.host}, port ${location.port}: ${cause.code}.`, {
      cause
    })
  })
  log.info(`Metrics at ${listener.url}`)
  return listener
}

function logReport(log: Logger, { failure, event, ...task }: JobReport): void {
  if (failure === undefined) log.info(task, `task ${event}`)
  else if (failure.isExpected) log.warn({ ...task, reason: failure.text }, 'task failed')
  else log.error({ ...task, stack: failure.stack }, 'task failed')
}

/** Printed once, to the operator who started the server, and never logged: only a hash of it is stored. */
function announcePassword(userName: string, password: string): void {
  process.stderr.write(
    `\nA password was made for the administrator. It is shown only this once:\n\n  user     ${userName}\n  password ${password}\n\n`
  )
}
