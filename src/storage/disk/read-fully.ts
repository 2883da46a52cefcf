import fs from 'node:fs'

/**
 * The system may give fewer bytes than it is asked for, above all on file systems of a network.
 * @returns bytes that were read: fewer than there is room for only where the file ends
 */
export function readFully(fd: number, target: Buffer, position: number): number {
  let done = 0
  for (let more = 1; more > 0 && done < target.length; done += more) {
    more = fs.readSync(fd, target, done, target.length - done, position + done)
  }
  return done
}
