/**
 * The nginx of this machine with a configuration of `deploy/`, which is changed only where it names what is in
 * containers.
 */
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

/** What a test gives as `skip`. */
export const withoutNginx = spawnSync('nginx', ['-v']).status === 0 ? false : 'there is no nginx here'

/** A port that nobody has, for a program that cannot take any. */
export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}

export interface NginxOptions {
  /** In `deploy/`. */
  readonly config: string
  readonly certificate: Certificate
  /**
   * Ports of this machine by what stands for them in the configuration, such as `fixdepot:8443`; all of it must be
   * there.
   */
  readonly upstreams: Readonly<Record<string, number>>
}

export interface Nginx {
  /** Speaks TLS. */
  readonly port: number
  /** The ports that each request so far was passed to, in their order; several, where one did not answer. */
  asked(): number[][]
}

/** Starts it, and waits until it takes connections; it ends with the test. */
export async function startNginx(t: Test, { config, certificate, upstreams }: NginxOptions): Promise<Nginx> {
  // A directory of its own: the second `testdir` of a test would remove what servers have in the first one.
  const [port, directory] = [await freePort(), fs.mkdtempSync(path.join(os.tmpdir(), 'fixdepot-nginx-'))]
  for (const name of ['tls', 'tmp']) fs.mkdirSync(path.join(directory, name))
  fs.writeFileSync(path.join(directory, 'tls/certificate.pem'), certificate.cert)
  fs.writeFileSync(path.join(directory, 'tls/key.pem'), certificate.key)
  let wanted = fs.readFileSync(path.join(DEPLOY, config), 'utf8')
  for (const [name, upstream] of Object.entries(upstreams)) {
    if (!wanted.includes(name)) throw new Error(`${config} does not name ${name}`)
    wanted = wanted.replace(name, `127.0.0.1:${upstream}`)
  }
  const [file, log] = [path.join(directory, 'nginx.conf'), path.join(directory, 'asked')]
  fs.writeFileSync(
    file,
    wanted
      .replace('listen 8443', `listen 127.0.0.1:${port}`)
      // In this order: that directory may itself lie in /tmp.
      .replaceAll('/tmp', path.join(directory, 'tmp'))
      .replaceAll('/etc/nginx/tls', path.join(directory, 'tls'))
      .replace('access_log off;', `log_format asked '$upstream_addr'; access_log ${log} asked;`)
  )
  const nginx = spawn('nginx', ['-c', file, '-e', 'stderr', '-g', 'daemon off;'], {
    stdio: ['ignore', 'ignore', 'pipe']
  })
  const said = text(nginx.stderr)
  const ended = once(nginx, 'exit')
  t.teardown(async () => {
    nginx.kill('SIGTERM')
    await ended
    fs.rmSync(directory, { recursive: true })
  })
  await until('the proxy listens', async () => {
    if (nginx.exitCode !== null) throw new Error(await said)
    return isListening(port, certificate)
  })
  return {
    port,
    asked() {
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
