/** The time of an entry, in the two forms that its headers contain. */

const TIMESTAMP_EXTRA_SIZE = 9
const MAX_INT32 = 0x7fffffff

/**
 * Bytes of the extra field with the exact time. The DOS fields have no time zone and steps of two seconds. With the
 * exact UTC time next to them every unpacker restores the right time, and an archive of the unpacked files has the same
 * bytes. The field holds a signed 32-bit number of seconds: outside that range only the DOS fields are written.
 */
export function timestampSize(seconds: number): number {
  return seconds >= 0 && seconds <= MAX_INT32 ? TIMESTAMP_EXTRA_SIZE : 0
}

/** Info-ZIP's extrafld.txt, "Extended Timestamp". @returns the position after the field */
export function writeTimestamp(buffer: Buffer, at: number, seconds: number): number {
  const size = timestampSize(seconds)
  if (size === 0) return at
  buffer.writeUInt16LE(0x5455, at)
  buffer.writeUInt16LE(5, at + 2)
  buffer.writeUInt8(1, at + 4)
  buffer.writeInt32LE(seconds, at + 5)
  return at + size
}

/** The DOS fields; times outside 1980 to 2107 become the nearest time that they can hold. */
export function dosDateTime(seconds: number): { date: number; time: number } {
  const value = new Date(seconds * 1000)
  const year = value.getUTCFullYear()
  if (!(year >= 1980)) return { date: (1 << 5) | 1, time: 0 }
  if (year > 2107) return { date: (127 << 9) | (12 << 5) | 31, time: (23 << 11) | (59 << 5) | 29 }
  return {
    date: ((year - 1980) << 9) | ((value.getUTCMonth() + 1) << 5) | value.getUTCDate(),
    time: (value.getUTCHours() << 11) | (value.getUTCMinutes() << 5) | (value.getUTCSeconds() >> 1)
  }
}
