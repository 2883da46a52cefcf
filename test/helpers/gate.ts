/** A way to a server that can be shut for a while: then connections are cut, and new ones as well. */
import { once } from 'node:events'
import net from 'node:net'
import type { Test } from 'tap'

export interface Gate {
  readonly url: string
  shut(): void
  open(): void
}

export async function startGate(t: Test, target: string): Promise<Gate> {
  const { hostname, port } = new URL(target)
  const sockets = new Set<net.Socket>()
  let isOpen = true
  const server = net.createServer((client) => {
    client.on('error', () => {})
    if (!isOpen) return void client.destroy()
    const upstream = net.connect(Number(port), hostname).on('error', () => {})
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('close', () => {
        sockets.delete(socket)
        client.destroy()
        upstream.destroy()
      })
    }
    client.pipe(upstream).pipe(client)
  })
  const shut = () => {
    isOpen = false
    for (const socket of sockets) socket.destroy()
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    shut()
    server.close()
  })
  return {
    url: `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`,
    shut,
    open() {
      isOpen = true
    }
  }
}
