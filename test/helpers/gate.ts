/** A way to a server that can be shut for a while: then connections are cut, and new ones as well. */
import { once } from 'node:events'
import net from 'node:net'
import type { Test } from 'tap'

export interface Gate {
  readonly url: string
  /** Bytes that have gone through, in both directions. */
  readonly passed: () => number
  shut(): void
  open(): void
}

export async function startGate(t: Test, target: string): Promise<Gate> {
  const { hostname, port } = new URL(target)
  const sockets = new Set<net.Socket>()
  let isOpen = true
  let passed = 0
  const server = net.createServer((client) => {
    client.on('error', () => {})
    if (!isOpen) return void client.destroy()
    const upstream = net.connect(Number(port), hostname).on('error', () => {})
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('data', (bytes) => {
        passed += bytes.length
      })
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
    passed: () => passed,
    shut,
    open() {
      isOpen = true
    }
  }
}
