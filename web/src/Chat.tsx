import { useChat } from '@livekit/components-react';
import { useEffect, useRef, useState } from 'react';

export function Chat({ open, onClose }: { open: boolean; onClose: () => void }) {
  const { chatMessages, send, isSending } = useChat();
  const [text, setText] = useState('');
  const [seen, setSeen] = useState(0);
  const input = useRef<HTMLInputElement>(null);
  const end = useRef<HTMLDivElement>(null);
  useEffect(() => { if (open) input.current?.focus(); }, [open]);
  useEffect(() => {
    if (open) end.current?.scrollIntoView({ block: 'nearest' });
  }, [open, chatMessages.length]);
  if (open && seen !== chatMessages.length) setSeen(chatMessages.length);
  const unread = chatMessages.length - seen;
  return (
    <>
      <p className={!open && unread > 0 ? 'toast' : 'visually-hidden'} role="status">
        {!open && unread > 0 ? `${unread} new chat ${unread === 1 ? 'message' : 'messages'}` : ''}
      </p>
      <section id="chat" className="chat" aria-label="Chat" hidden={!open} onKeyDown={(e) => { if (e.key === 'Escape') onClose(); }}>
        <div className="log" role="log" aria-label="Messages" tabIndex={0}><ol>
          {chatMessages.map((message) => (
            <li key={message.id ?? `${message.timestamp}`}>
              <b>{message.from?.name || message.from?.identity || 'Somebody'}</b>
              <time dateTime={new Date(message.timestamp).toISOString()}>{new Date(message.timestamp).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })}</time>
              <p>{message.message}</p>
            </li>
          ))}
        </ol><div ref={end} /></div>
        <form onSubmit={(event) => {
          event.preventDefault();
          const message = text.trim();
          if (message) void send?.(message).then(() => setText(''));
        }}>
          <label className="visually-hidden" htmlFor="chat-text">Message to everybody</label>
          <input id="chat-text" ref={input} value={text} maxLength={4000} placeholder="Message to everybody" onChange={(e) => setText(e.target.value)} />
          <button type="submit" disabled={isSending}>Send</button>
        </form>
      </section>
    </>
  );
}
