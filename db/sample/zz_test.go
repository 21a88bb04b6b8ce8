package sample
import ("testing";"time";"fmt";"wxkeeper/db";"os";"strconv";"wxkeeper/app")
func TestZZ(t *testing.T){
 n,_:=strconv.Atoi(os.Getenv("ZZ")); if n==0 {n=20000}
 dir:=os.Getenv("ZZDIR"); if dir=="" {dir=t.TempDir()}
 store,err:=db.Open(t.Context(),dir); if err!=nil{t.Fatal(err)}
 defer store.Close()
 one,_:=store.EnsureApp(t.Context(),"wx0123456789abcdef",time.Now())
 ring,_:=store.EnsureKeyRing(t.Context(),[32]byte{1},time.Now())
 t0:=time.Now()
 if err:=Fill(t.Context(),store,ring,one.ID,Options{Users:n,Now:time.Now(),Seed:1,Progress:func(d int){ if d%(n/10+1)<2000*0+n/200+1{ fmt.Println(d,time.Since(t0))}}});err!=nil{t.Fatal(err)}
 fmt.Println("took",time.Since(t0))
 counts,_:=store.Read().KeyCounts(t.Context(),one.ID,time.Now(),24*time.Hour)
 fmt.Println(counts)
 for _,r:=range app.Reasons(){ c,_:=store.Read().Counted(t.Context(),one.ID,string(r),time.Now().Add(-40*24*time.Hour),time.Now()); if c>0{fmt.Println(r,c)}}
 for i:=0;i<12;i++{ c,_:=store.Read().Counted(t.Context(),one.ID,db.UsersActive,time.Now().Add(-time.Duration(i+1)*24*time.Hour),time.Now().Add(-time.Duration(i)*24*time.Hour)); fmt.Print(c," ")}
 fmt.Println()
 page,err:=store.Read().ListUsers(t.Context(),db.UserListing{AppID:one.ID,Limit:40,Now:time.Now(),Aging:24*time.Hour})
 if err!=nil{t.Fatal(err)}
 for _,u:=range page.Users{fmt.Println(u.Number,u.Profile.Nickname,u.LastSeenAt.Format("01-02 15:04"),u.FirstSeenAt().Format("2006-01-02"),u.ClientVersion,u.Platform,u.Key.Freshness(time.Now(),24*time.Hour).State,u.Phone.Tail)}
}
