/**
 * nginx that serves one file and stores uploads: the reference for downloads and uploads over loopback.
 */
import { once } from 'node:events'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { freePort } from './server.ts'
import type { Workspace } from './workspace.ts'

export interface Nginx {
  readonly pid: number
  /** Of the file that is served. */
  readonly url: string
  /** URL below which files can be uploaded with PUT. */
  readonly uploadUrl: string
  /** Directory of the uploaded files. */
  readonly uploadDirectory: string
  /** Accepts a form, and stores its unparsed body as a file of the directory. */
  readonly formUrl: string
  readonly formDirectory: string
  stop(): Promise<void>
}

const START_TIMEOUT_MS = 10_000
const TEMPORARY = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']

/** One process in the foreground that serves `file`, and writes only below the workspace. */
export async function startNginx(workspace: Workspace, file: string): Promise<Nginx> {
  const directory = fs.mkdtempSync(path.join(workspace.directory, 'nginx-'))
  const port = await freePort()
  const config = path.join(directory, 'nginx.conf')
  const uploadDirectory = path.join(directory, 'upload')
  fs.mkdirSync(uploadDirectory)
  fs.writeFileSync(config, configuration(directory, port, file))
  const child = workspace.spawn('nginx', ['-c', config, '-e', path.join(directory, 'error.log')], { stdio: 'ignore' })
  const exited = once(child, 'exit')
  await waitUntilListening(port)
  if (child.pid === undefined) throw new Error('nginx has no process')
  return {
    pid: child.pid,
    url: `http://127.0.0.1:${port}/archive.zip`,
    uploadUrl: `http://127.0.0.1:${port}/upload/`,
    uploadDirectory,
    formUrl: `http://127.0.0.1:${port}/form`,
    formDirectory: path.join(directory, 'client_body'),
    async stop() {
      child.kill('SIGTERM')
      await exited
    }
  }
}

function configuration(directory: string, port: number, file: string): string {
  return `daemon off;
master_process off;
pid ${directory}/nginx.pid;
error_log ${directory}/error.log;
events {}
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
${TEMPORARY.map((name) => `  ${name}_temp_path ${directory}/${name};`).join('\n')}
  server {
    listen 127.0.0.1:${port};
    location = /archive.zip { alias ${file}; }
    location /upload/ {
      root ${directory};
      dav_methods PUT;
      client_max_body_size 0;
    }
    location = /form {
      client_body_in_file_only on;
      client_body_buffer_size 1m;
      client_max_body_size 0;
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
      proxy_method GET;
      proxy_pass http://127.0.0.1:${port}/stored;
    }
    location = /stored { return 201; }
  }
}
`
}

async function waitUntilListening(port: number): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS
  for (;;) {
    try {
      const socket = net.connect(port, '127.0.0.1')
      await once(socket, 'connect')
      socket.destroy()
      return
    } catch (error) {
      if (performance.now() > deadline) throw new Error('nginx did not start', { cause: error })
      await wait(10)
    }
  }
}
