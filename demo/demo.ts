/**
 * Shows an export from end to end: a repository (generated if there is none), the real server, an export with progress,
 * the download, and a check by an independent reader. The server runs until Ctrl-C.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseCorpus } from '../sample/corpus.ts'
import { generateRepository } from '../sample/generate.ts'
import { createProgressBar } from '../src/cli/terminal/progress-bar.ts'
import { readConfig } from '../src/config/config.ts'
import { createApiClient, type Status } from './api-client.ts'
import { verifyArchive } from './verify-archive.ts'

const POLL_MS = 100
const START_TIMEOUT_MS = 30_000

const config = readConfig()
const host = '127.0.0.1'
const port = (await isFree(config.port)) ? config.port : await freePort()
const password = config.adminPassword ?? randomBytes(9).toString('base64url')
const base = `http://${host}:${port}`
const client = createApiClient(base, config.adminUser, password)

let isStopping = false
await ensureRepository()
const server = startServer()
try {
  await waitUntilReady()
  await client.follow(await client.start('read'), () => {})
  const done = await followExport()
  const file = path.join(config.storage.dataDirectory, 'downloads', done.current)
  fs.mkdirSync(path.dirname(file), { recursive: true })
  await client.download(done.current, file)
  const reader = await verifyArchive(file)
  announce(file, done, reader)
} catch (error) {
  if (!isStopping) console.error(error)
  stop('SIGTERM')
}

async function ensureRepository(): Promise<void> {
  const directory = config.storage.repositoryDirectory
  if (fs.existsSync(directory) && fs.readdirSync(directory).length > 0) {
    console.log(`Using the repository in ${directory}`)
    return
  }
  console.log(`Generating a sample repository in ${directory}`)
  const bar = createProgressBar('Generating')
  await generateRepository({ directory, ...parseCorpus('200MB'), onProgress: (done, total) => bar.update(done, total) })
  bar.end()
}

function startServer(): ChildProcess {
  const child = spawn(process.execPath, ['--max-semi-space-size=2', path.join(import.meta.dirname, '../src/main.ts')], {
    stdio: 'inherit',
    // Its own process group, so that Ctrl-C does not reach it twice: from the terminal and from this process.
    detached: true,
    env: {
      ...process.env,
      // Loopback without TLS, so that browsers do not ask about an unknown certificate.
      FIXDEPOT_TLS: 'off',
      FIXDEPOT_HOST: host,
      FIXDEPOT_PORT: String(port),
      FIXDEPOT_ADMIN_PASSWORD: password,
      FIXDEPOT_LOG_LEVEL: 'warn'
    }
  })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, stop)
  child.on('exit', (code) => process.exit(code ?? 1))
  return child
}

/** Stops the server; this process exits with it. */
function stop(signal: NodeJS.Signals): void {
  if (isStopping) return
  isStopping = true
  server.kill(signal)
}

async function waitUntilReady(): Promise<void> {
  for (const end = performance.now() + START_TIMEOUT_MS; !(await client.isReady()); await delay(POLL_MS)) {
    if (performance.now() > end) throw new Error('The server was not ready in time')
  }
}

async function followExport(): Promise<Status> {
  const taskId = await client.start('export')
  const bar = createProgressBar('Exporting')
  const status = await client.follow(taskId, ({ downloadedsize, totalsize }) => bar.update(downloadedsize, totalsize))
  bar.end()
  return status
}

function announce(file: string, { total, totalsize }: Status, reader: string): void {
  console.log(`
Exported ${total} packages, ${totalsize.toLocaleString('en')} bytes; checked by: ${reader}

  archive     ${file}
  Swagger UI  ${base}/docs
  user        ${config.adminUser}
  password    ${config.adminPassword === undefined ? password : 'as set in FIXDEPOT_ADMIN_PASSWORD'}

The server continues to run; Ctrl-C stops it.`)
}

async function isFree(candidate: number): Promise<boolean> {
  return listenOn(candidate).then(
    () => true,
    () => false
  )
}

function freePort(): Promise<number> {
  return listenOn(0)
}

/** Listens for a moment. @returns the port */
function listenOn(candidate: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = net.createServer()
    probe.once('error', reject)
    probe.listen(candidate, host, () => {
      const { port: found } = probe.address() as net.AddressInfo
      probe.close(() => resolve(found))
    })
  })
}
