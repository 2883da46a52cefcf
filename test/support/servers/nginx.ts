/** Runs the installed nginx with a configuration of `deploy/`. Only paths and addresses of containers are replaced. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import https from 'node:https'
import net, { type AddressInfo } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import type { Test } from 'tap'
import type { Certificate } from '../../../src/http/connection/secure-server.ts'
import { until } from '../until.ts'

const DEPLOY = path.join(import.meta.dirname, '../../../deploy')

/** The `skip` of tests that need nginx. */
export const withoutNginx = spawnSync('nginx', ['-v']).status === 0 ? false : 'nginx is not installed'

/** A free port, for a program that cannot choose one. */
export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}

export interface NginxOptions {
  /** The path of the file below `deploy/`. */
  readonly config: string
  readonly certificate: Certificate
  /** Local ports by the address that they replace, such as `fixdepot:8443`. Each must occur in the configuration. */
  readonly upstreams: Readonly<Record<string, number>>
}

export interface Nginx {
  /** Speaks TLS. */
  readonly port: number
  /** For each request so far, the ports that it was passed to, in order: several where one did not answer. */
  upstreamPorts(): number[][]
}

/** Starts nginx, and waits until it accepts connections. It ends with the test. */
export async function startNginx(t: Test, { config, certificate, upstreams }: NginxOptions): Promise<Nginx> {
  // Not `testdir`: a second call in the same test removes the directory of the first one, which servers use.
  const [port, directory] = [await freePort(), fs.mkdtempSync(path.join(os.tmpdir(), 'fixdepot-nginx-'))]
  for (const name of ['tls', 'tmp']) fs.mkdirSync(path.join(directory, name))
  fs.writeFileSync(path.join(directory, 'tls/certificate.pem'), certificate.cert)
  fs.writeFileSync(path.join(directory, 'tls/key.pem'), certificate.key)
  let wanted = fs.readFileSync(path.join(DEPLOY, config), 'utf8')
  for (const [name, upstream] of Object.entries(upstreams)) {
    if (!wanted.includes(name)) throw new Error(`${config} does not name ${name}`)
    wanted = wanted.replace(name, `127.0.0.1:${upstream}`)
  }
  const [file, log] = [path.join(directory, 'nginx.conf'), path.join(directory, 'upstreams.log')]
  fs.writeFileSync(
    file,
    wanted
      .replace('listen 8443', `listen 127.0.0.1:${port}`)
      // This replacement comes first: the new directory may itself be below /tmp.
      .replaceAll('/tmp', path.join(directory, 'tmp'))
      .replaceAll('/etc/nginx/tls', path.join(directory, 'tls'))
      .replace('access_log off;', `log_format upstream '$upstream_addr'; access_log ${log} upstream;`)
  )
  const nginx = spawn('nginx', ['-c', file, '-e', 'stderr', '-g', 'daemon off;'], {
    stdio: ['ignore', 'ignore', 'pipe']
  })
  const stderr = text(nginx.stderr)
  const ended = once(nginx, 'exit')
  t.teardown(async () => {
    nginx.kill('SIGTERM')
    await ended
    fs.rmSync(directory, { recursive: true })
  })
  await until('nginx listens', async () => {
    if (nginx.exitCode !== null) throw new Error(await stderr)
    return isListening(port, certificate)
  })
  return {
    port,
    upstreamPorts() {
      const lines = fs.readFileSync(log, 'utf8').split('\n').slice(0, -1)
      return lines.map((line) => line.split(', ').map((address) => Number(address.split(':')[1])))
    }
  }
}

function isListening(port: number, { cert }: Certificate): Promise<boolean> {
  return new Promise((resolve) => {
    const options = { host: '127.0.0.1', port, ca: cert, servername: 'localhost', agent: false }
    https
      .get(options, (answer) => {
        answer.destroy()
        resolve(true)
      })
      .on('error', () => resolve(false))
  })
}
