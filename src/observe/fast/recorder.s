# What runs inside of an observed process instead of a system call that names a path: it makes that call and writes it
# into the log (log.rs has the layout). Copied behind the patched C library and loader (image.rs); here, it is only data.
#
# It is called from a patched place with the number of the call in eax, its kind in r11d, the address of the state in rcx,
# and the arguments where the kernel wants them. Like the kernel, it changes rax, rcx and r11, and nothing else. It uses no
# other code, no stack beyond 400 bytes and no register of vectors, and may be interrupted by a signal whose handler comes
# here again.
#
# Of what it reads, the kernel must have read it without a fault before: a path that lies nowhere is EFAULT for the program,
# and no crash. So what only looks is written down after the call, and what changes something is looked at before.

    .pushsection .rodata.wake_recorder, "a", @progbits
    .balign 16
    .globl wake_recorder_start
    .globl wake_recorder_end
wake_recorder_start:

    # struct Settings of image.rs
.Lcookie:      .quad 0
.Llog_cookie:  .quad 0
.Ldevice:      .quad 0
.Linode:       .quad 0
.Lsuffix_size: .quad 0
.Lsuffix:      .zero 64
.Linstead:     .zero 1024
.Llog:         .zero 1024

    .set KIND_AT, 1
    .set KIND_OPENS, 2
    .set KIND_BEFORE, 4

    # The state of a process: where the log is mapped (0: not yet, 1: never), its process group, how often it was mapped,
    # how much room a working directory needs.
    .set STATE_LOG, 0
    .set STATE_GROUP, 8
    .set STATE_TRIES, 12
    .set STATE_ROOM, 16
    .set NEVER, 1

    # The log.
    .set LOG_MAGIC, 0
    .set LOG_USED, 8
    .set LOG_LOST, 16
    .set LOG_SIZE, 8 << 20
    .set LOG_FULL, 7 << 20
    .set MAGIC, 0x31474f4c454b4157

    # A record.
    .set RECORD_SIZE, 0
    .set RECORD_GROUP, 4
    .set RECORD_CALL, 8
    .set RECORD_ERROR, 12
    .set RECORD_FLAGS, 16
    .set RECORD_ROOM, 28
    .set RECORD_FOUND, 32
    .set RECORD_TEXT, 40
    .set DONE, 0x80000000

    # The stack: what fstat says, then these.
    .set STATUS, 0
    .set STATUS_CTIME, 104
    .set FOUND, 144
    .set LENGTH, 152
    .set FRAME, 160
    .set SAVED_R10, FRAME
    .set SAVED_R9, FRAME + 8
    .set SAVED_R8, FRAME + 16
    .set SAVED_RDX, FRAME + 24
    .set SAVED_RSI, FRAME + 32
    .set SAVED_RDI, FRAME + 40

    .set AT_FDCWD, -100
    .set ENOENT, 2
    .set EFAULT, 14
    .set ENOTDIR, 20
    .set ERANGE, 34
    .set ENAMETOOLONG, 36

# ebx: the call's number; ebp: its kind; r12: the path; r13: the log; r14: the state; r15: the result.
    .balign 16
wake_recorder_entry:
    .globl wake_recorder_entry
    push rbx
    push rbp
    push r12
    push r13
    push r14
    push r15
    push rdi
    push rsi
    push rdx
    push r8
    push r9
    push r10
    sub rsp, FRAME
    cld
    mov ebx, eax
    mov ebp, r11d
    mov r14, rcx
    mov r12, rdi
    test ebp, KIND_AT
    jz .Lhas_path
    mov r12, rsi
    cmp edi, AT_FDCWD
    jne .Lplain
.Lhas_path:
    mov r13, [r14 + STATE_LOG]
    cmp r13, NEVER
    ja .Lhas_log
    je .Lplain
    call .Lattach
    cmp r13, NEVER
    je .Lplain
.Lhas_log:
    # Somebody may have mapped something over it.
    mov rax, [rip + .Lmagic]
    cmp rax, [r13 + LOG_MAGIC]
    jne .Lis_gone
    cmp qword ptr [r13 + LOG_USED], LOG_FULL
    jae .Lis_full
    test ebp, KIND_OPENS
    jz .Lkind_known
    mov eax, [rsp + SAVED_RSI]
    test ebp, KIND_AT
    cmovnz eax, [rsp + SAVED_RDX]
    # O_WRONLY, O_RDWR, O_CREAT, O_TRUNC
    test eax, 0x243
    jz .Lkind_known
    or ebp, KIND_BEFORE
.Lkind_known:
    mov qword ptr [rsp + FOUND], 0
    test ebp, KIND_BEFORE
    jnz .Lbefore

    call .Lmake_call
    cmp r15, -EFAULT
    je .Lreturn
    cmp r15, -ENAMETOOLONG
    je .Lreturn
    call .Lis_of_process
    je .Lagain
    cmp r15, -ENOENT
    je .Lis_absent
    cmp r15, -ENOTDIR
    jne .Lis_there
.Lis_absent:
    mov qword ptr [rsp + FOUND], -1
.Lis_there:
    call .Lrecord
    test rax, rax
    jz .Lreturn
    test ebp, KIND_OPENS
    jz .Lreturn
    test r15, r15
    js .Lreturn
    call .Lreplace
.Lreturn:
    mov rax, r15
    add rsp, FRAME
    pop r10
    pop r9
    pop r8
    pop rdx
    pop rsi
    pop rdi
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbp
    pop rbx
    ret

    # What is there before something is changed, or executed.
.Lbefore:
    mov eax, 262
    mov edi, AT_FDCWD
    mov rsi, r12
    lea rdx, [rsp + STATUS]
    mov r10d, 0x100
    mov r9, [rip + .Lcookie]
    syscall
    test rax, rax
    jz .Lwas_there
    cmp rax, -ENOENT
    je .Lwas_absent
    cmp rax, -ENOTDIR
    jne .Lplain
.Lwas_absent:
    mov qword ptr [rsp + FOUND], -1
    jmp .Lwas_looked
.Lwas_there:
    imul rax, [rsp + STATUS + STATUS_CTIME], 1000000000
    add rax, [rsp + STATUS + STATUS_CTIME + 8]
    mov [rsp + FOUND], rax
.Lwas_looked:
    call .Lis_of_process
    je .Lplain
    call .Lrecord
    test rax, rax
    jz .Lplain
    call .Lmake_call
    jmp .Lreturn

    # The log is not there any more, or it is full: the observer will make a new one when it is asked.
.Lis_gone:
    mov qword ptr [r14 + STATE_LOG], NEVER
    jmp .Lplain
.Lis_full:
    mov eax, 1
    lock xadd [r14 + STATE_TRIES], eax
    cmp eax, 1000
    jae .Lis_gone
    mov qword ptr [r14 + STATE_LOG], 0
    # Makes the call as if nobody were here: the observer is asked.
.Lplain:
    mov eax, ebx
    mov rdi, [rsp + SAVED_RDI]
    mov rsi, [rsp + SAVED_RSI]
    mov rdx, [rsp + SAVED_RDX]
    mov r10, [rsp + SAVED_R10]
    mov r8, [rsp + SAVED_R8]
    mov r9, [rsp + SAVED_R9]
    syscall
    mov r15, rax
    jmp .Lreturn

    # What leads through the process itself means something else later, so the observer is asked, now that it is known
    # that this is such a path.
.Lagain:
    test ebp, KIND_OPENS
    jz .Lplain
    test r15, r15
    js .Lplain
    mov eax, ebx
    mov rdi, [rsp + SAVED_RDI]
    mov rsi, [rsp + SAVED_RSI]
    mov rdx, [rsp + SAVED_RDX]
    mov r10, [rsp + SAVED_R10]
    xor r9d, r9d
    syscall
    mov rdi, r15
    mov r15, rax
    mov eax, 3
    syscall
    jmp .Lreturn

# Makes the call so that it passes. Result: r15. The saved registers lie eight bytes further, behind the return address.
.Lmake_call:
    mov eax, ebx
    mov rdi, [rsp + 8 + SAVED_RDI]
    mov rsi, [rsp + 8 + SAVED_RSI]
    mov rdx, [rsp + 8 + SAVED_RDX]
    mov r10, [rsp + 8 + SAVED_R10]
    mov r8, [rsp + 8 + SAVED_R8]
    mov r9, [rip + .Lcookie]
    syscall
    mov r15, rax
    ret

# Maps the log. Result: r13.
.Lattach:
    mov eax, 257
    mov edi, AT_FDCWD
    lea rsi, [rip + .Llog]
    # O_RDWR | O_CLOEXEC
    mov edx, 0x80002
    xor r10d, r10d
    mov r9, [rip + .Llog_cookie]
    syscall
    test rax, rax
    js .Lno_log
    mov r15, rax
    mov eax, 9
    xor edi, edi
    mov esi, LOG_SIZE
    # PROT_READ | PROT_WRITE, MAP_SHARED
    mov edx, 3
    mov r10d, 1
    mov r8, r15
    xor r9d, r9d
    syscall
    mov r13, rax
    mov eax, 3
    mov rdi, r15
    syscall
    cmp r13, -4096
    ja .Lno_log
    mov eax, 111
    syscall
    mov [r14 + STATE_GROUP], eax
    mov [r14 + STATE_LOG], r13
    ret
.Lno_log:
    mov r13d, NEVER
    mov [r14 + STATE_LOG], r13
    ret

# Whether the path may lead through a process or its descriptors, by its beginning: the flag of equality. `/proc/` is
# followed by `self`, `thread-self` or a number; what else begins like these is asked about for nothing, and works.
.Lis_of_process:
    lea rdx, [rip + .Lproc]
    call .Lbegins
    jne .Lis_descriptor
    mov al, [rsi]
    cmp al, 's'
    je .Lbegins_end
    cmp al, 't'
    je .Lbegins_end
    # Above the digits, it is not equal.
    sub al, '0'
    cmp al, 9
    ja .Lbegins_end
    cmp al, al
    ret
.Lis_descriptor:
    lea rdx, [rip + .Ldev_fd]
.Lbegins:
    mov rsi, r12
.Lbegins_next:
    mov al, [rdx]
    test al, al
    jz .Lbegins_end
    cmp al, [rsi]
    jne .Lbegins_end
    inc rdx
    inc rsi
    jmp .Lbegins_next
.Lbegins_end:
    ret

# Writes a record. Result: rax, 0 if it could not, or its address. Called one level deep, so the frame lies eight bytes
# further.
.Lrecord:
    xor ecx, ecx
.Llength_next:
    cmp byte ptr [r12 + rcx], 0
    je .Llength_known
    inc ecx
    cmp ecx, 4096
    jb .Llength_next
    xor eax, eax
    ret
.Llength_known:
    inc ecx
    mov [rsp + 8 + LENGTH], rcx
    xor r8d, r8d
    cmp byte ptr [r12], '/'
    je .Lreserve
    mov r8d, [r14 + STATE_ROOM]
    test r8d, r8d
    jnz .Lreserve
    mov r8d, 128
.Lreserve:
    # r8: the room for the working directory.
    mov rcx, [rsp + 8 + LENGTH]
    lea rsi, [rcx + r8 + RECORD_TEXT + 7]
    and rsi, -8
    mov rax, rsi
    lock xadd [r13 + LOG_USED], rax
    lea rdx, [rax + rsi]
    cmp rdx, LOG_SIZE
    ja .Llost
    lea r9, [r13 + rax]
    # Its size first: whoever reads the log finds the next one by it, whatever happens now.
    mov eax, [r14 + STATE_GROUP]
    shl rax, 32
    or rax, rsi
    mov [r9 + RECORD_SIZE], rax
    mov eax, [rsp + 8 + SAVED_RSI]
    mov [r9 + RECORD_FLAGS], eax
    mov eax, [rsp + 8 + SAVED_RDX]
    mov [r9 + RECORD_FLAGS + 4], eax
    mov eax, [rsp + 8 + SAVED_R10]
    mov [r9 + RECORD_FLAGS + 8], eax
    mov [r9 + RECORD_ROOM], r8d
    mov rax, [rsp + 8 + FOUND]
    mov [r9 + RECORD_FOUND], rax
    test r8d, r8d
    jz .Lcopy
    lea rdi, [r9 + RECORD_TEXT]
    mov rsi, r8
    mov eax, 79
    syscall
    test rax, rax
    jg .Lcopy
    cmp rax, -ERANGE
    jne .Lnowhere
    # Too long: this one says nothing, and another one has more room.
    mov dword ptr [r9 + RECORD_CALL], DONE
    add r8d, r8d
    cmp r8d, 8192
    ja .Llost
    mov [r14 + STATE_ROOM], r8d
    jmp .Lreserve
.Lnowhere:
    mov byte ptr [r9 + RECORD_TEXT], 0
.Lcopy:
    lea rdi, [r9 + r8 + RECORD_TEXT]
    mov rsi, r12
    mov rcx, [rsp + 8 + LENGTH]
    rep movsb
    mov eax, ebx
    or eax, DONE
    mov [r9 + RECORD_CALL], eax
    mov rax, r9
    ret
.Llost:
    mov dword ptr [r13 + LOG_LOST], 1
    xor eax, eax
    ret

# If what was opened is the file with the suffix, device and inode of the settings: opens another one instead.
# r9: the record.
.Lreplace:
    mov rcx, [rsp + 8 + LENGTH]
    mov rdx, [rip + .Lsuffix_size]
    # The suffix with its zero byte.
    cmp rcx, rdx
    jb .Lkeep
    test rdx, rdx
    jz .Lkeep
    lea rsi, [r12 + rcx]
    sub rsi, rdx
    lea rdi, [rip + .Lsuffix]
    mov rcx, rdx
    repe cmpsb
    jne .Lkeep
    mov eax, 5
    mov rdi, r15
    lea rsi, [rsp + 8 + STATUS]
    syscall
    test rax, rax
    jnz .Lkeep
    mov rax, [rsp + 8 + STATUS]
    cmp rax, [rip + .Ldevice]
    jne .Lkeep
    mov rax, [rsp + 8 + STATUS + 8]
    cmp rax, [rip + .Linode]
    jne .Lkeep
    mov eax, 257
    mov edi, AT_FDCWD
    lea rsi, [rip + .Linstead]
    # O_CLOEXEC as the program wants it.
    mov edx, [rsp + 8 + SAVED_RSI]
    test ebp, KIND_AT
    cmovnz edx, [rsp + 8 + SAVED_RDX]
    xor r10d, r10d
    mov r9, [rip + .Lcookie]
    syscall
    test rax, rax
    js .Lkeep
    mov rdi, r15
    mov r15, rax
    mov eax, 3
    syscall
.Lkeep:
    ret

    .balign 8
.Lmagic: .quad MAGIC
.Lproc:  .asciz "/proc/"
.Ldev_fd: .asciz "/dev/fd/"
    .balign 8
wake_recorder_end:
    .popsection
