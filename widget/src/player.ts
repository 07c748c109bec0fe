/** One sound at a time, over all elements of the page. */

export interface Playback {
  playing: boolean;
  /** 0 to 1. */
  share: number;
  failed: boolean;
}

type Listener = (playback: Playback) => void;

class Player {
  private audio: HTMLAudioElement | null = null;
  private listener: Listener | null = null;

  /** Starts `url`, or pauses it when it is the one that plays. The former sound stops and is told so. */
  toggle(url: string, listener: Listener): void {
    if (this.audio && this.listener === listener) {
      if (this.audio.paused) void this.audio.play().catch(() => this.tell(true));
      else this.audio.pause();
      return;
    }
    this.stop();
    const audio = new Audio(url);
    this.audio = audio;
    this.listener = listener;
    for (const name of ["play", "pause", "timeupdate", "ended"]) audio.addEventListener(name, () => this.tellOf(audio, false));
    audio.addEventListener("error", () => this.tellOf(audio, true));
    audio.play().catch(() => this.tellOf(audio, audio.error !== null));
  }

  /** Silences whatever plays, or only what `owner` started. */
  stop(owner?: Listener): void {
    if (!this.audio || (owner && owner !== this.listener)) return;
    const { audio, listener } = this;
    this.audio = null;
    this.listener = null;
    audio.pause();
    audio.removeAttribute("src");
    listener?.({ playing: false, share: 0, failed: false });
  }

  private tellOf(audio: HTMLAudioElement, failed: boolean): void {
    if (audio === this.audio) this.tell(failed);
  }

  private tell(failed: boolean): void {
    const audio = this.audio;
    if (!audio) return;
    const share = audio.duration > 0 ? audio.currentTime / audio.duration : 0;
    this.listener?.({ playing: !audio.paused && !audio.ended && !failed, share: audio.ended ? 0 : share, failed });
  }
}

export const player = new Player();
