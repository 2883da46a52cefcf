/** A way to a server that takes so many bytes a second, as a network does; what comes back is not held up. */
import { once } from 'node:events'
import net from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'

export interface SlowWay {
  readonly url: string
  close(): void
}

/** What may go through at once after a pause. */
const BURST_SECONDS = 0.02

/** @param target URL of the server @param bytesPerSecond of all connections together */
export async function openSlowWay(target: string, bytesPerSecond: number): Promise<SlowWay> {
  const { hostname, port } = new URL(target)
  const sockets = new Set<net.Socket>()
  /** When all that was let through has passed, in milliseconds. */
  let isFreeAt = 0

  async function pass(client: net.Socket, upstream: net.Socket): Promise<void> {
    for await (const bytes of client as AsyncIterable<Buffer>) {
      const now = performance.now()
      isFreeAt = Math.max(isFreeAt, now - BURST_SECONDS * 1000) + (bytes.length / bytesPerSecond) * 1000
      if (!upstream.write(bytes)) await once(upstream, 'drain')
      if (isFreeAt > now) await wait(isFreeAt - now)
    }
    upstream.end()
  }

  const server = net.createServer((client) => {
    const upstream = net.connect(Number(port), hostname)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        client.destroy()
        upstream.destroy()
      })
    }
    upstream.pipe(client)
    // A connection that was cut has no more to pass.
    pass(client, upstream).catch(() => client.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`,
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    }
  }
}
