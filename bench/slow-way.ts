/** A proxy that limits the bytes a second to a server, as a network does. Responses are not limited. */
import { once } from 'node:events'
import net from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'

export interface SlowWay {
  readonly url: string
  close(): void
}

/** Bytes that may pass at once after a pause. */
const BURST_SECONDS = 0.02

/** @param target URL of the server @param bytesPerSecond of all connections together */
export async function openSlowWay(target: string, bytesPerSecond: number): Promise<SlowWay> {
  const { hostname, port } = new URL(target)
  const sockets = new Set<net.Socket>()
  /** Time at which all accepted bytes have passed, in milliseconds. */
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
    // A closed connection has no more bytes.
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
