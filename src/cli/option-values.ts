/** Values of options, checked before anything is done. */
import { InvalidArgumentError } from 'commander'
import { machineType } from './filter-options.ts'

/** @throws InvalidArgumentError */
export function exportId(text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new InvalidArgumentError('It is the number of an export.')
  return Number(text)
}

/** Of an option that may come several times, or with several values. @throws InvalidArgumentError */
export function addMachineType(text: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), ...text.split(',').map(machineType)]
}
