/** Where an archive can be downloaded, and how the speeds of the senders are compared. */
import { inMegabytes, type Table, type Target, target } from './bench.ts'
import { medianPeakBytes, medianRatio, medianSeconds, type Rounds } from './rounds.ts'

export interface Source {
  readonly name: string
  readonly pid: number
  readonly url: string
  /** `name:password`, as for curl; empty without a login. */
  readonly login: string
}

export const NGINX = 'nginx'
const SPEED = 0.85

/** A value for the header `Authorization`. */
export function authorizationOf({ login }: Source): string {
  return `Basic ${Buffer.from(login).toString('base64')}`
}

export function toTable(title: string, rows: Table['rows'], notes: Table['notes']): Table {
  return { title, head: ['', 'median s', 'GB/s', 'of nginx', 'peak RSS MB'], rows, notes }
}

export function row(rounds: Rounds, name: string, nginx: string, bytes: number): string[] {
  return [
    name,
    medianSeconds(rounds, name).toFixed(2),
    (bytes / 1e9 / medianSeconds(rounds, name)).toFixed(2),
    speedOf(rounds, name, nginx).toFixed(2),
    inMegabytes(medianPeakBytes(rounds, name))
  ]
}

function speedOf(rounds: Rounds, name: string, nginx: string): number {
  return 1 / medianRatio(rounds, name, nginx)
}

export function speedTarget(rounds: Rounds, name: string, nginx: string, what = ''): Target {
  return target(`download, ${name}${what}: at least ${SPEED} of the speed of nginx`, speedOf(rounds, name, nginx), {
    atLeast: SPEED
  })
}
