const WIDTH = 30
const REDRAW_MS = 250

export interface ProgressBar {
  update(done: number, total: number): void
  end(): void
}

/** One line that is drawn over again; without a terminal only its last state is written. */
export function createProgressBar(label: string): ProgressBar {
  let line = ''
  let drawnAt = 0
  return {
    update(done, total) {
      const share = total === 0 ? 1 : done / total
      const filled = Math.round(share * WIDTH)
      const bar = '█'.repeat(filled) + '░'.repeat(WIDTH - filled)
      line = `${label} ${bar} ${(share * 100).toFixed(0).padStart(3)} %  ${megabytes(done)} of ${megabytes(total)} MB`
      const now = performance.now()
      if (!process.stdout.isTTY || now - drawnAt < REDRAW_MS) return
      drawnAt = now
      process.stdout.write(`\r${line}`)
    },
    end() {
      process.stdout.write(process.stdout.isTTY ? `\r${line}\n` : `${line}\n`)
    }
  }
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1)
}
